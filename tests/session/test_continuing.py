"""A session is gone, and another goes on where its words end: charged once."""

import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked

from relayd.session.endings import EndReason
from relayd.session.meter import Meter
from relayd.session.ports import Settlement
from relayd.speech.formats import AudioFormat
from relayd.speech.tariff import Tariff
from tests.session.audio import frame
from tests.session.returning import Returning
from tests.session.world import World


async def test_what_a_dead_process_charged_is_not_charged_again(
    autojump_clock: MockClock,
) -> None:
    """Of audio that is sent again, only what nobody had charged is."""
    async with trio.open_nursery() as nursery:
        world = World()
        app = Returning(world, nursery)
        await app.connect()
        await app.speak(5000)
        (row,) = world.ledger.books.sessions.values()
        before = row.request.session_id
        # It dies with what it last recorded, and somebody else settles it after a while.
        await world.ledger.renew(before, 4000, 30_000)
        app.sessions = app.registry("another process")
        with trio.CancelScope() as sending:
            nursery.start_soon(
                app.connect, {"token": f"here.{before}", "received": 0, "start": len(frame(1000))}
            )
            await trio.sleep(1)
            assert app.client.heard == []
            await world.ledger.close(Settlement(before, 4000, None, EndReason.INTERNAL_ERROR))
            await trio.sleep(1)
            sending.cancel()

        assert app.client.types()[0] == "ready"
        await app.speak(6000)
        app.client.say(type="stop")
        await trio.sleep(1)
        # 1 to 7 s; of those, 1 to 4 s had been charged.
        assert app.client.last("session_end")["seconds_used"] == 3
        app.clients[0].hang_up(1000)
        await wait_all_tasks_blocked()
        world.ledger.assert_balanced()
        assert world.ledger.balance_of(world.user_id) == 600_000 - 7000


async def test_a_session_of_another_machine_is_given_up_for_its_app(
    autojump_clock: MockClock,
) -> None:
    """The daemon that holds it hears of it and settles it: nothing is charged twice."""
    async with trio.open_nursery() as nursery:
        world = World()
        app = Returning(world, nursery)
        world.ledger.recalls.append(app.sessions.recall)
        await app.connect()
        await app.speak(5000)
        app.client.hang_up()
        token = app.client.last("ready")["resume_token"]
        app.sessions = app.registry("another machine")
        await app.connect({"token": token, "received": 0, "start": len(frame(3000))})
        await trio.sleep(1)
        assert app.client.types() == ["ready"]
        (report,) = app.reports
        assert (report.reason, report.used_ms) == (EndReason.CLIENT_GONE, 5000)
        # From 3 to 9 s; of those, 3 to 5 s were charged.
        await app.speak(6000)
        app.client.say(type="stop")
        await trio.sleep(1)
        assert app.client.last("session_end")["seconds_used"] == 4
        app.client.hang_up(1000)
        await wait_all_tasks_blocked()
        world.ledger.assert_balanced()
        assert world.ledger.balance_of(world.user_id) == 600_000 - 9000


async def test_nobody_waits_for_ever_for_another_ones_books(autojump_clock: MockClock) -> None:
    """Where a session is not settled in time, the new one begins in its place."""
    async with trio.open_nursery() as nursery:
        world = World()
        (other,) = await world.ledger.open_others(world.user_id, 1)
        app = Returning(world, nursery)
        await app.connect({"token": f"gone.{other}", "start": 0})
        await trio.sleep(6)
        (open_now,) = world.ledger.open_sessions(world.user_id)
        assert open_now.request.session_id != other
        await app.speak(1000)
        app.client.say(type="stop")
        await trio.sleep(1)
        assert app.client.last("session_end")["seconds_used"] == 1


async def test_a_token_that_names_nothing_is_no_obstacle(autojump_clock: MockClock) -> None:
    """Nobody's books are waited for: the session begins at once, and is charged in full."""
    async with trio.open_nursery() as nursery:
        app = Returning(World(), nursery)
        await app.connect({"token": "nonsense", "start": 0})
        assert app.client.types() == ["ready"]
        await app.speak(1000)
        app.client.say(type="stop")
        await trio.sleep(1)
        assert app.client.heard[0][0] == 0
        assert app.client.last("session_end")["seconds_used"] == 1


@given(
    rate=st.integers(1, 3000),
    sample_rate=st.sampled_from([8000, 11_025, 16_000, 44_100]),
    first=st.integers(0, 200_000),
    start=st.integers(0, 200_000),
    second=st.integers(0, 200_000),
)
def test_two_sessions_charge_what_one_would(
    rate: int, sample_rate: int, first: int, start: int, second: int
) -> None:
    """Whatever is sent again, the sum is the charge of all the audio, but for rounding."""
    audio, tariff = AudioFormat(sample_rate=sample_rate), Tariff(rate)
    first, start, second = (size - size % 2 for size in (first, start, second))
    start = min(start, first)
    before = Meter(audio, 10**9, tariff)
    before.admit(first)
    paid_ms = before.used_ms - tariff.charge_bytes(start, audio)
    after = Meter(audio, 10**9, tariff, paid_ms)
    after.admit(second)
    whole = tariff.charge_bytes(max(first, start + second), audio)
    assert whole <= before.used_ms + after.used_ms <= whole + 1


@given(st.integers(0, 5000), st.integers(0, 5000), st.lists(st.integers(0, 40_000), max_size=20))
def test_the_hold_covers_what_is_charged(paid_ms: int, held_ms: int, frames: list[int]) -> None:
    """What another session paid is admitted beyond the hold, and nothing beside it."""
    meter = Meter(AudioFormat(), held_ms, paid_ms=paid_ms)
    for size in frames:
        meter.admit(size)
        assert 0 <= meter.used_ms <= held_ms
    meter.admit(10**9)
    assert meter.admitted_bytes >= (held_ms + paid_ms) * 32
