"""Which engine is next, and what a failure means for whom."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayd.errors import (
    EngineBusy,
    EngineFailed,
    EngineOff,
    FileEngineError,
    Unreadable,
    UpstreamBusy,
    UpstreamClosed,
    UpstreamError,
    UpstreamOff,
    UpstreamUnavailable,
)
from relayd.speech.fallback import (
    OFF_SECONDS,
    PAUSE_SECONDS_MAX,
    PAUSE_SECONDS_MIN,
    Consequence,
    EngineStanding,
    NobodyUntil,
    Take,
    choose,
    standing_after,
    weigh,
)

NOW = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
NAMES = ("first", "second", "third")


def after(seconds: float) -> dt.datetime:
    """So long after now."""
    return NOW + dt.timedelta(seconds=seconds)


@given(st.dictionaries(st.sampled_from(NAMES), st.integers(-100, 100)))
def test_the_first_that_is_free_takes_it(pauses: dict[str, int]) -> None:
    """In the operator's order; where none is free, it waits for whoever is first."""
    standings = {name: EngineStanding(after(seconds), "busy") for name, seconds in pauses.items()}
    free = [name for name in NAMES if pauses.get(name, 0) <= 0]

    chosen = choose(NAMES, standings, NOW)

    if free:
        assert chosen == Take(free[0])
    else:
        assert chosen == NobodyUntil(after(min(pauses.values())), off=False)


@pytest.mark.parametrize(("both_off", "said"), [(True, True), (False, False)])
def test_waiting_for_a_person_is_said(both_off: bool, said: bool) -> None:
    """Only where every engine is off is it a person that the job waits for."""
    standings = {
        "first": EngineStanding(after(60), "no credit", off=True),
        "second": EngineStanding(after(90), "busy", off=both_off),
    }
    assert choose(NAMES[:2], standings, NOW) == NobodyUntil(after(60), off=said)


def test_other_engines_are_not_asked_about() -> None:
    """A pause of an engine that isn't in the list holds nothing up."""
    standings = {"second": EngineStanding(after(60), "busy")}
    assert choose(["first"], standings, NOW) == Take("first")


@pytest.mark.parametrize(
    ("asked", "given_"), [(20, 20), (0, PAUSE_SECONDS_MIN), (10**9, PAUSE_SECONDS_MAX)]
)
def test_a_busy_engine_costs_no_attempt(asked: float, given_: int) -> None:
    """It is left alone for as long as it asks, within bounds, by everybody."""
    found = weigh(EngineBusy("answered 429", asked), NOW)
    assert found == Consequence(
        counts=False, standing=EngineStanding(after(given_), "answered 429")
    )


def test_an_engine_that_refuses_us_is_off() -> None:
    """It costs no attempt, and is tried again when the operator has had time to mend it."""
    found = weigh(EngineOff("answered 402: pay the bill"), NOW)
    standing = EngineStanding(after(OFF_SECONDS), "answered 402: pay the bill", off=True)
    assert found == Consequence(counts=False, standing=standing)


@pytest.mark.parametrize("error", [EngineFailed("signal 11"), FileEngineError("something")])
def test_a_crash_costs_an_attempt(error: FileEngineError) -> None:
    """And nothing is held against the engine: it may be the file."""
    assert weigh(error, NOW) == Consequence(counts=True)


def test_a_broken_file_is_not_tried_again() -> None:
    """It would be as broken the next time."""
    found = weigh(Unreadable("broken", "this is no audio"), NOW)
    assert found == Consequence(counts=True, final=True)


@pytest.mark.parametrize(
    ("error", "standing"),
    [
        (UpstreamBusy("", "answered 429", 20), EngineStanding(after(20), "answered 429")),
        (UpstreamOff("", "no credit"), EngineStanding(after(OFF_SECONDS), "no credit", off=True)),
        (UpstreamUnavailable("", "all its places are taken"), None),
        (UpstreamClosed("", "broke"), None),
    ],
)
def test_an_engine_for_streams_stands_alike(
    error: UpstreamError, standing: EngineStanding | None
) -> None:
    """Who asks for a pause has it, who refuses us is off, and a stream that breaks is one."""
    assert standing_after(error, NOW) == standing
