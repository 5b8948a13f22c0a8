"""Whatever Stripe's messages do, after a reconciliation every balance is right.

Each history is a list of steps of users, banks, the post and the daemon, played by the real shop
on PostgreSQL. What is right is reckoned from Stripe's final state alone.
"""

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis.strategies import SearchStrategy

from tests.payments.histories.playing import Playbill
from tests.payments.histories.stages import LargeStage, SmallStage
from tests.payments.histories.steps import HISTORIES, SUBSCRIPTIONS, Step

pytestmark = [
    pytest.mark.system,
    # The SDK gives httpx a text under a name that httpx would rather see for forms only.
    pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning"),
]

Histories = SearchStrategy[list[tuple[Step, int]]]

# 2,000 of purchases in all with --long, and as many of subscriptions; a part of them in every run.
SEASONS, SMALL, LARGE = 4, 475, 100
SHORT_SMALL, SHORT_LARGE = 150, 30
SUBSCRIBED, SHORT_SUBSCRIBED, LARGE_SUBSCRIBED, SHORT_LARGE_SUBSCRIBED = 500, 70, 100, 6
LONG_SEASONS = [pytest.param(one, SMALL, marks=pytest.mark.long) for one in range(SEASONS)]
LONG_SUBSCRIBED = [pytest.param(one, SUBSCRIBED, marks=pytest.mark.long) for one in range(SEASONS)]
LONG_LARGE_SUBSCRIBED = pytest.param(LARGE_SUBSCRIBED, marks=pytest.mark.long)
LONG_LARGE = pytest.param(LARGE, marks=pytest.mark.long)
# A season without any of these would prove little; chance gives each in 1 of 20 at least.
EXPECTED = {
    "purchase",
    "session",
    "refund",
    "refund_failed",
    "dispute",
    "debt",
    "frozen",
}
# The same of a season of subscriptions.
EXPECTED_OF_PLANS = {
    "lot",
    "on the plan",
    "over",
    "takeback",
    "session",
    "frozen",
}
# What only seasons of so many histories have for certain.
RARE, RARE_OF_PLANS, RARE_FROM = {"dispute_reinstated"}, {"expiry", "debt", "giveback"}, 300


@pytest.fixture(scope="module")
def subscribed(new_database: Callable[[], str]) -> Iterator[Playbill]:
    """The small stage, for histories of subscriptions."""
    with closing(SmallStage(new_database)) as stage:
        yield Playbill(stage)


@pytest.fixture(scope="module")
def small(new_database: Callable[[], str]) -> Iterator[Playbill]:
    """The small stage, for all of its histories."""
    with closing(SmallStage(new_database)) as stage:
        yield Playbill(stage)


@pytest.fixture(scope="module")
def large(new_database: Callable[[], str]) -> Playbill:
    """The large one."""
    return Playbill(LargeStage(new_database))


@pytest.mark.parametrize(("season", "histories"), [(SEASONS, SHORT_SMALL), *LONG_SEASONS])
def test_every_balance_is_right_after_reconciliation(
    small: Playbill, season: int, histories: int
) -> None:
    """Purchases, refunds, disputes and live sessions under any deliveries: no wrong balance."""
    play_season(small, histories, season)
    expected = EXPECTED | (RARE if histories > RARE_FROM else set())
    assert not [what for what in expected if small.seen[what] < histories / 100], small.seen


@pytest.mark.parametrize("histories", [SHORT_LARGE, LONG_LARGE])
def test_every_balance_is_right_with_real_commits_and_the_real_sdk(
    large: Playbill, histories: int
) -> None:
    """The same where transactions meet: threads, a pool, the SDK and its repetitions."""
    play_season(large, histories, SEASONS)


@pytest.mark.parametrize(("season", "histories"), [(SEASONS, SHORT_SUBSCRIBED), *LONG_SUBSCRIBED])
def test_every_plan_and_balance_is_right_after_reconciliation(
    subscribed: Playbill, season: int, histories: int
) -> None:
    """Subscriptions paid, failed, renewed, cancelled, given back: no wrong plan or balance."""
    play_season(subscribed, histories, season, SUBSCRIPTIONS)
    seen = subscribed.seen
    expected = EXPECTED_OF_PLANS | (RARE_OF_PLANS if histories > RARE_FROM else set())
    assert not [what for what in expected if seen[what] < histories / 100], seen


@pytest.mark.parametrize("histories", [SHORT_LARGE_SUBSCRIBED, LONG_LARGE_SUBSCRIBED])
def test_every_plan_is_right_with_real_commits_and_the_real_sdk(
    large: Playbill, histories: int
) -> None:
    """The same where transactions meet, and as the SDK reads it."""
    play_season(large, histories, SEASONS, SUBSCRIPTIONS)


def play_season(
    playbill: Playbill, histories: int, season: int, kind: Histories = HISTORIES
) -> None:
    """So many histories of a kind."""
    started = playbill.played

    @settings(max_examples=histories, deadline=None, suppress_health_check=list(HealthCheck))
    @given(steps=kind)
    def play(steps: list[tuple[Step, int]]) -> None:
        playbill.play(steps)

    # Where runs repeat themselves exactly, each season has histories of its own.
    (seed(season)(play) if settings().derandomize else play)()
    assert playbill.played >= started + histories
