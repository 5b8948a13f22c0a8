"""`relayd purchases`, `relayd reconcile`, and what `relayd check` says of packages."""

import argparse
import datetime as dt
import json
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from relayd.cli.reconcile import _moment
from relayd.cli.toolkit.exits import Exit
from relayd.payments.books.purchases import attach, begin
from tests.cli.commands import Command, runner
from tests.ledger.store import Store
from tests.payments.stall import PACK


@pytest.fixture
def relayd(
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Command:
    """Commands on a database with one purchase that waits."""
    with psycopg.connect(database_url) as connection:
        who, purchase_id = Store(connection).add_user(), uuid4()
        begin(connection, purchase_id, who.user_id, PACK)
        attach(connection, purchase_id, "cs_test_1")
    return runner(database_url, tmp_path, monkeypatch, capsys)


@pytest.mark.system
def test_purchases(relayd: Command) -> None:
    """A table for people, JSON for programs."""
    code, out, _ = relayd("purchases")
    assert code == Exit.OK
    assert "700 usd" in out
    assert "pending" in out
    code, out, _ = relayd("purchases", "--json", "--recent", "5")
    (one,) = json.loads(out)
    assert (one["package_id"], one["status"], one["seconds_taken_back"]) == ("pack", "pending", 0)
    assert one["checkout_session_id"] == "cs_test_1"
    code, _, err = relayd("purchases", "--user", "nobody@example.org")
    assert code == Exit.USAGE
    assert "has no account" in err


@pytest.mark.system
def test_reconcile_without_a_key(relayd: Command) -> None:
    """Without a key there is nothing to compare with."""
    code, _, err = relayd("reconcile")
    assert code == Exit.USAGE
    assert "stripe.api_key is not set" in err


@pytest.mark.system
def test_reconcile_without_stripe(relayd: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stripe out of reach is exit code 3."""
    monkeypatch.setattr("relayd.payments.stripe.api.PAUSES_SECONDS", ())
    for name, value in {
        "STRIPE__API_KEY": "sk_test_x",
        "STRIPE__WEBHOOK_SECRETS": "whsec_x",
        "STRIPE__API_URL": "http://127.0.0.1:1",
        "SERVER__PUBLIC_URL": "https://relay.example.org",
    }.items():
        monkeypatch.setenv(f"RELAYD_{name}", value)
    code, _, err = relayd("reconcile", "--since", "1d")
    assert code == Exit.UNREACHABLE
    assert "Stripe" in err
    assert "sk_test" not in err


@pytest.mark.system
def test_check_refuses_a_loss(relayd: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """A losing package is not well, and the price that would do is named."""
    monkeypatch.setenv(
        "RELAYD_PACKAGES", '[{id = "p", label = "P", seconds = 6000, price_cents = 110}]'
    )
    code, out, _ = relayd("check")
    assert code == Exit.NOT_WELL
    assert "FAILED  package p" in out
    assert "111 would do" in out
    monkeypatch.setenv("RELAYD_COSTS__ALLOW_LOSS", "true")
    assert relayd("check")[0] == Exit.OK


@pytest.mark.parametrize(("text", "hours"), [("36h", 36), ("90d", 90 * 24), ("0h", 0)])
def test_spans(text: str, hours: int) -> None:
    """So many hours or days back from now."""
    back = dt.datetime.now(dt.UTC) - _moment(text)
    assert abs(back - dt.timedelta(hours=hours)) < dt.timedelta(minutes=1)


def test_days() -> None:
    """A day begins in UTC."""
    assert _moment("2026-01-31") == dt.datetime(2026, 1, 31, tzinfo=dt.UTC)


@pytest.mark.parametrize("text", ["", "7", "7w", "99999d", "2999-01-01", "1999-01-01", "x", "-1d"])
def test_odd_moments(text: str) -> None:
    """What is no past moment is refused with what would be."""
    with pytest.raises(argparse.ArgumentTypeError, match="must be"):
        _moment(text)
