"""How many may look at their credit at once."""

from uuid import UUID

from relayd.events.hub import Hub
from relayd.events.live import LiveCredit
from tests.fakes.credit import MemoryCredit

ADA, BOB = UUID(int=1), UUID(int=2)


async def test_limits() -> None:
    """So many of one user, so many in all; who leaves makes room."""
    live = LiveCredit(Hub(), MemoryCredit(), per_user_max=2, in_all_max=3)

    for user in (ADA, ADA, BOB):
        assert await live.has_room(user)
        assert await live.quotas.enter(live.places(user)) is None
    assert not await live.has_room(ADA)
    assert not await live.has_room(BOB)

    live.quotas.leave(live.places(ADA))
    assert await live.has_room(ADA)
    assert await live.has_room(BOB)
