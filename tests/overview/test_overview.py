"""The overview: money, what it cost, and the present."""

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal

import psycopg
import pytest

from relayd.config import load
from relayd.database.ports import Connection
from relayd.overview.overview import overview
from tests.config.files import SECRETS
from tests.overview.past import NOW, Past, Turn

pytestmark = pytest.mark.system

LATELY = NOW - dt.timedelta(seconds=2)


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    """A migrated database."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def test_what_stays(connection: Connection) -> None:
    """Paid, less what was taken back, less Stripe's fees and what the engines charged."""
    past = Past(connection)
    past.purchase(LATELY, 1000)
    past.purchase(LATELY, 500, taken_back=200)
    past.purchase(LATELY - dt.timedelta(days=40), 9_999)
    past.session(LATELY, 600_000)
    # Many languages at once are dearer, and sold at another rate: ten minutes of audio.
    past.session(LATELY, 720_000, rate=1200)
    past.session(LATELY, 600_000, engine="moonshine", model="small")
    config = load(None, {**SECRETS, "RELAYD_COSTS__ENGINE_CENTS_PER_MINUTE": "0.77"})

    seen = overview(connection, config, NOW.date(), 30)

    assert seen.kept_cents == 1300
    assert seen.fees == Decimal(1500) * Decimal("0.029") + 60
    assert seen.engine_cents == 10 * Decimal("0.77") + 10 * Decimal("0.92")
    assert seen.margin_cents == seen.kept_cents - seen.fees - seen.engine_cents
    assert [(one.purchases, one.sold_seconds) for one in seen.takings] == [(2, 1200)]


def test_who_stepped_in_at_a_price_of_another(connection: Connection) -> None:
    """A dearer engine's audio is charged at the first one's rate, and costs what its model does."""
    turns = [
        Turn("moonshine", "tiny-en", 500, 30_000),
        Turn("deepgram", "nova-3", 500, 30_000, last=True),
    ]
    Past(connection).session(LATELY, 60_000, engine="moonshine", rate=500, turns=turns)
    config = load(None, {**SECRETS, "RELAYD_COSTS__ENGINE_CENTS_PER_MINUTE": "0.77"})

    # A minute of its audio, at what the dearest of that name costs.
    assert overview(connection, config, NOW.date(), 30).engine_cents == Decimal("0.92")


def test_the_present(connection: Connection) -> None:
    """What is live, who is there, and what failed in a day."""
    past = Past(connection)
    past.session(None)
    past.session(LATELY, reason="upstream_closed")
    past.session(LATELY, reason="upstream_closed")
    past.session(LATELY - dt.timedelta(days=2), reason="internal_error")
    past.recording(LATELY, 0, 0, state="failed")
    connection.execute(
        "INSERT INTO engine_standings (engine, until, reason, off)"
        " VALUES ('whispercpp', now() + interval '1 minute', 'answered 429', false),"
        " ('gone', now() - interval '1 minute', 'was away', true)"
    )

    now = overview(connection, load(None, SECRETS), NOW.date(), 30).present

    assert (now.live_streams, now.users, now.users_new) == (1, 1, 1)
    assert (now.queue.queued, now.queue.running, now.queue.oldest_seconds) == (0, 0, 0)
    assert list(now.engines_alone) == ["whispercpp"]
    assert now.failures == {"upstream_closed": 2, "engine_failed": 1}
