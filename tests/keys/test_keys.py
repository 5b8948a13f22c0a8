"""`Keys` in memory: the contract, and what is about no store at all."""

from uuid import UUID, uuid4

import attrs
import pytest
import trio
import trio.testing

from relayd.errors import DatabaseUnavailable
from relayd.keys.keys import Keys
from relayd.keys.known import KnownKeys
from tests.fakes.keys import MemoryKeys
from tests.keys.contract import KeysContract, Store, made


@attrs.frozen
class MemoryStore:
    """The fake, as the contract wants it."""

    database: MemoryKeys = attrs.field(factory=MemoryKeys)

    async def user(self) -> UUID:
        """Anybody."""
        await trio.lowlevel.checkpoint()
        return uuid4()

    async def disable(self, user_id: UUID, *, disabled: bool = True) -> None:
        """Keep them out."""
        await trio.lowlevel.checkpoint()
        (self.database.disabled.add if disabled else self.database.disabled.discard)(user_id)

    async def age(self, seconds: float) -> None:
        """Move the clock on."""
        await trio.lowlevel.checkpoint()
        self.database.age(seconds)


class TestInMemory(KeysContract):
    """The contract."""

    @pytest.fixture
    def store(self) -> Store:
        """A fresh one."""
        return MemoryStore()


async def test_a_warm_check_asks_nobody() -> None:
    """The second check of a key is answered without the database, and while that is away too."""
    database = MemoryKeys()
    keys = Keys(database, known=KnownKeys(told=True))
    key = await made(keys, uuid4())
    first = await keys.authenticate(key.text)
    asked = database.asked
    database.reachable = False
    assert keys.recall(key.text) == first
    assert await keys.authenticate(key.text) == first
    assert database.asked == asked


@pytest.mark.parametrize("spoilt", ["", "wtr_live_", "wtr_live_" + "a" * 49, "x" * 5000, "ключ"])
async def test_what_is_no_key_asks_nobody(spoilt: str) -> None:
    """What isn't spelled as a key, or has another checksum, is refused without a query."""
    database = MemoryKeys()
    keys = Keys(database)
    assert keys.recall(spoilt) is None
    assert await keys.authenticate(spoilt) is None
    assert database.asked == 0


async def test_revoking_is_known_here_at_once() -> None:
    """The process that revokes a key forgets it before it answers."""
    keys = Keys(MemoryKeys(), known=KnownKeys(told=True))
    key = await made(keys, uuid4())
    assert await keys.authenticate(key.text) is not None
    await keys.revoke(key.key.id, None)
    assert keys.recall(key.text) is None
    assert await keys.authenticate(key.text) is None


async def test_a_revocation_during_a_lookup_is_not_overlooked() -> None:
    """What was read before a key ended is not remembered after it."""
    keys = Keys(MemoryKeys(), known=KnownKeys(told=True))
    key = await made(keys, uuid4())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keys.authenticate, key.text)
        # Between the reading and the remembering somebody tells of some key.
        nursery.start_soon(keys.revoke, key.key.id, None)
    assert keys.recall(key.text) is None


async def test_an_outage_is_no_refusal() -> None:
    """Where a key can't be looked up, nobody says that it is wrong."""
    keys = Keys(MemoryKeys(reachable=False))
    with pytest.raises(DatabaseUnavailable):
        await keys.authenticate(keys.spelling.make(test=False).text)


async def test_uses_are_written_by_and_by(autojump_clock: trio.testing.MockClock) -> None:
    """A first use is written at once, further ones within the minute not at all."""
    database = MemoryKeys()
    keys = Keys(database, known=KnownKeys(clock=trio.current_time, told=True))
    user_id = uuid4()
    key = await made(keys, user_id)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keys.note_uses)
        await keys.authenticate(key.text)
        await trio.sleep(2)
        (noted,) = await keys.of_user(user_id)
        assert noted.last_used_at is not None
        asked = database.asked
        for _ in range(50):
            await keys.authenticate(key.text)
            await trio.sleep(1)
        assert database.asked == asked
        await trio.sleep(10)
        await keys.authenticate(key.text)
        await trio.sleep(2)
        assert database.asked == asked + 1
        nursery.cancel_scope.cancel()
