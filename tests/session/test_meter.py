"""The meter: bytes to milliseconds, and what the hold covers."""

from hypothesis import given
from hypothesis import strategies as st

from relayd.session.meter import LowCredit, Meter
from relayd.speech.formats import AudioFormat
from relayd.speech.tariff import Tariff
from tests.speech.strategies import FORMATS, TARIFFS


@given(FORMATS, TARIFFS, st.integers(0, 100_000), st.lists(st.integers(0, 50_000), max_size=40))
def test_never_admits_past_the_hold(
    audio: AudioFormat, tariff: Tariff, held_ms: int, frames: list[int]
) -> None:
    """Whatever comes, used stays within held, and a cut falls on a whole block."""
    meter = Meter(audio, held_ms, tariff)

    for frame in frames:
        admitted = meter.admit(frame)
        assert 0 <= admitted <= frame
        assert 0 <= meter.used_ms <= meter.held_total_ms
        if admitted < frame:
            assert admitted == 0 or meter.admitted_bytes % audio.block_bytes == 0


@given(
    FORMATS,
    TARIFFS,
    st.integers(0, 10_000),
    st.lists(st.integers(1, 5000), min_size=1, max_size=50),
)
def test_cutting_the_audio_differently_costs_the_same(
    audio: AudioFormat, tariff: Tariff, spare_ms: int, frames: list[int]
) -> None:
    """The charge is that of the total alone, exactly, not of how it was cut into messages."""
    total = sum(frames)
    # Credit is granted for whole blocks.
    blocks = -(-total // audio.block_bytes)
    held_ms = tariff.charge_bytes(blocks * audio.block_bytes, audio) + spare_ms
    whole, cut = Meter(audio, held_ms, tariff), Meter(audio, held_ms, tariff)

    whole.admit(total)
    for frame in frames:
        cut.admit(frame)

    assert cut.used_ms == whole.used_ms == tariff.charge_bytes(total, audio)
    assert cut.admitted_bytes == total


@given(FORMATS, TARIFFS, st.integers(1, 5000))
def test_the_last_block_is_usable(audio: AudioFormat, tariff: Tariff, held_ms: int) -> None:
    """A client that never stops gets every whole block of its hold."""
    meter = Meter(audio, held_ms, tariff)

    # A hundred frames, whatever a second costs.
    while meter.admit(max(777, tariff.affordable_bytes(held_ms, audio) // 100)):
        pass

    assert meter.admitted_bytes == tariff.affordable_bytes(held_ms, audio)


@given(
    FORMATS,
    st.lists(st.tuples(st.integers(1, 3000), st.integers(0, 50_000)), min_size=1, max_size=8),
    st.integers(0, 10_000),
)
def test_a_price_that_falls(
    audio: AudioFormat, parts: list[tuple[int, int]], spare_ms: int
) -> None:
    """Each byte costs what it cost when it was admitted; the sum is rounded up once."""
    parts = sorted(parts, reverse=True)
    block, per_second = audio.block_bytes, audio.bytes_per_second
    parts = [(rate, count * block) for rate, count in parts]
    weight = sum(rate * size for rate, size in parts) * audio.billed_channels
    meter = Meter(audio, -(-weight // per_second) + spare_ms, Tariff(parts[0][0]))

    for rate, size in parts:
        before_ms = meter.used_ms
        meter.lower_price(Tariff(rate))
        assert meter.used_ms == before_ms
        assert meter.admit(size) == size

    assert meter.used_ms == -(-weight // per_second)
    # What is left of the hold goes as far as it can, and not a block further.
    meter.admit(10**13)
    rest = weight + (meter.admitted_bytes - sum(size for _, size in parts)) * (
        parts[-1][0] * audio.billed_channels
    )
    assert rest <= meter.held_total_ms * per_second
    assert rest + block * parts[-1][0] * audio.billed_channels > meter.held_total_ms * per_second


@given(
    FORMATS,
    TARIFFS,
    st.lists(st.tuples(st.integers(0, 50_000), st.integers(0, 20_000)), max_size=40),
)
def test_renewals_of_running_totals_charge_no_fraction_twice(
    audio: AudioFormat, tariff: Tariff, steps: list[tuple[int, int]]
) -> None:
    """Charged from renewal to renewal it comes to the price of the whole: no remainder drifts."""
    meter = Meter(audio, 0, tariff)
    charged_ms = 0

    for audio_bytes, more_ms in steps:
        meter.set_hold(meter.used_ms + more_ms)
        meter.admit(audio_bytes)
        # As the ledger does it: the running total, less what was recorded before.
        charged_ms += meter.used_ms - charged_ms

    assert charged_ms == tariff.charge_bytes(meter.admitted_bytes, audio)


def test_hold_may_shrink_to_what_is_used() -> None:
    """A hold given back leaves what was used, and admits nothing more."""
    meter = Meter(AudioFormat(), 1000)
    meter.admit(3200)

    meter.set_hold(100)

    assert meter.unused_ms == 0
    assert meter.admit(2) == 0


@given(FORMATS, TARIFFS, st.lists(st.integers(1, 5000), min_size=1, max_size=20))
def test_a_hold_given_back_charges_nothing_more(
    audio: AudioFormat, tariff: Tariff, frames: list[int]
) -> None:
    """Wherever a client cut its audio, inside a sample too: what is used is all that is held.

    A last millisecond that was begun is there to the end.
    """
    meter = Meter(audio, 60_000, tariff)

    for frame in frames:
        meter.admit(frame)
    used_ms = meter.used_ms
    meter.set_hold(used_ms)
    room = meter.affordable_bytes(used_ms) - meter.admitted_bytes

    assert meter.admit(50_000_000) == max(room, 0)
    assert meter.used_ms == used_ms


def test_each_level_is_told_once() -> None:
    """Falling credit is told at each level once, at the level and not after it again."""
    levels = LowCredit((300, 60, 15))

    told = [ms for ms in range(400_000, 0, -1000) if levels.falls_to(ms)]

    assert told == [300_000, 60_000, 15_000]


def test_a_level_is_reached_to_the_millisecond() -> None:
    """A millisecond above it is not there yet, and the next one is always further down."""
    levels = LowCredit((300, 60, 15))

    assert levels.next_below(300_001) == 300_000
    assert not levels.falls_to(300_001)
    assert levels.falls_to(300_000)
    assert levels.next_below(300_000) == 60_000
    assert levels.next_below(15_000) is None


def test_start_below_several_levels_is_told_once() -> None:
    """A session that starts with ten seconds hears of it once."""
    levels = LowCredit((300, 60, 15))

    assert levels.falls_to(10_000)
    assert not levels.falls_to(9_000)


def test_top_up_arms_a_level_again() -> None:
    """After a top-up the same level is told again when it is reached again."""
    levels = LowCredit((60,))
    assert levels.falls_to(60_000)

    assert not levels.falls_to(500_000)

    assert levels.next_below(500_000) == 60_000
    assert levels.falls_to(59_000)
