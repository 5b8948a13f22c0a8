"""How many may look at their credit at once."""

from uuid import UUID

from relayd.events.hub import Hub
from relayd.events.live import LiveCredit
from tests.fakes.credit import MemoryCredit

ADA, BOB = UUID(int=1), UUID(int=2)
HOME = "192.0.2.1"


async def test_limits() -> None:
    """So many of one user, so many in all; who leaves makes room."""
    live = LiveCredit(Hub(), MemoryCredit(), per_user_max=2, in_all_max=3)

    for user in (ADA, ADA, BOB):
        assert await live.has_room(user, HOME)
        assert await live.quotas.enter(live.places(user, HOME)) is None
    assert not await live.has_room(ADA, HOME)
    assert not await live.has_room(BOB, HOME)

    live.quotas.leave(live.places(ADA, HOME))
    assert await live.has_room(ADA, HOME)
    assert await live.has_room(BOB, HOME)


async def test_an_address_has_a_share() -> None:
    """However many accounts somebody makes, one address can't take every place."""
    live = LiveCredit(Hub(), MemoryCredit(), per_user_max=8, per_address_max=4, in_all_max=10)
    accounts = [UUID(int=number) for number in range(10)]

    taken = [await live.quotas.enter(live.places(one, HOME)) for one in accounts]

    assert taken.count(None) == 4
    assert not await live.has_room(BOB, HOME)
    assert await live.has_room(BOB, "192.0.2.2")
