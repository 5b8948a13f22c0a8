"""Operator commands on a real database: user, credit, sessions, audit, migrate."""

import json

import psycopg
import pytest
from pyotp import TOTP

from relayd.accounts.proving.totp import Totp
from relayd.cli.toolkit.exits import Exit
from tests.cli.commands import EMAIL, Command, answered
from tests.config.files import PEPPER

pytestmark = pytest.mark.system


def test_an_account_from_made_to_disabled(relayd: Command) -> None:
    """Add, list, password, disable, enable: each says what it did."""
    assert relayd("user", "add", EMAIL, "--password-stdin", stdin="correct horse\n")[1] == (
        f"added {EMAIL}\n"
    )
    assert [one["email"] for one in answered(relayd("user", "list", "--json"))] == [EMAIL]
    told = relayd("user", "password", EMAIL, "--password-stdin", stdin="another horse\n")
    assert told[0] == Exit.OK
    assert answered(relayd("user", "disable", EMAIL, "--json"))["disabled_at"] is not None
    assert answered(relayd("user", "enable", EMAIL, "--json"))["disabled_at"] is None


@pytest.mark.parametrize(
    ("arguments", "stdin", "told"),
    [
        (("user", "add", "nonsense", "--password-stdin"), "correct horse\n", "not an email"),
        (("user", "add", EMAIL, "--password-stdin"), "short\n", "8 to 1024 characters"),
        (("user", "add", EMAIL, "--password-stdin"), "\n", "password is empty"),
        (("user", "add", EMAIL), "", "use --password-stdin"),
        (("user", "disable", EMAIL), "", "has no account"),
        (("user", "totp", EMAIL, "--reset"), "", "has no account"),
        (("user", "delete", EMAIL), "", "has no account"),
        (("user", "delete", EMAIL, "--yes"), "", "has no account"),
        (("credit", "grant", EMAIL, "5", "--reason", "x"), "", "has no account"),
        (("user", "operator", EMAIL), "", "has no account"),
        (("user", "operator", EMAIL, "--appoint"), "", "say why with --reason"),
        (("credit", "grant", EMAIL, "-5", "--reason", "x"), "", "above 0 seconds"),
        (("credit", "adjust", EMAIL, "0", "--reason", "x"), "", "changes nothing"),
        (("sessions", "--user", EMAIL), "", "has no account"),
    ],
)
def test_refusals_are_one_line(
    relayd: Command, arguments: tuple[str, ...], stdin: str, told: str
) -> None:
    """What can't be done is said on standard error, with exit code 2."""
    code, out, err = relayd(*arguments, stdin=stdin)
    assert (code, out) == (Exit.USAGE, "")
    assert told in err
    assert len(err.splitlines()) == 1


def test_a_deleted_account(relayd: Command) -> None:
    """Unless one says --yes it only says what would be lost; then the address is free again."""
    relayd("user", "add", EMAIL, "--password-stdin", stdin="correct horse\n")
    relayd("credit", "grant", EMAIL, "600.5", "--reason", "x")
    code, out, err = relayd("user", "delete", EMAIL)
    assert (code, out) == (Exit.USAGE, "")
    assert "600.5 s of credit, which would be lost" in err
    (listed,) = answered(relayd("user", "list", "--json"))

    gone = answered(relayd("user", "delete", EMAIL, "--yes", "--json"))

    assert gone["email"] == f"deleted {listed['id']}"
    assert gone["disabled_at"] is not None
    assert answered(relayd("user", "list", "--json")) == []
    assert relayd("audit")[:2] == (Exit.OK, "balanced\n")
    again = answered(
        relayd("user", "add", EMAIL, "--password-stdin", "--json", stdin="correct horse\n")
    )
    assert again["id"] != listed["id"]
    told = relayd("user", "delete", EMAIL, "--yes")
    assert told[:2] == (Exit.OK, f"deleted {EMAIL}, who is now deleted {again['id']}\n")


def test_a_second_factor(relayd: Command, database_url: str) -> None:
    """It is shown, required and reset; where there is none, nothing is."""
    relayd("user", "add", EMAIL, "--password-stdin", stdin="correct horse\n")
    assert relayd("user", "totp", EMAIL)[1] == f"{EMAIL}: second factor off\n"
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO second_factors (user_id, seed, confirmed_at)"
            " SELECT id, decode(repeat('00', 16), 'hex'), now() FROM users"
        )
    told = relayd("user", "totp", EMAIL, "--require")[1]
    assert told == f"{EMAIL}: second factor on, 0 recovery codes left, required\n"
    shown = answered(relayd("user", "totp", EMAIL, "--reset", "--no-require", "--json"))
    assert (shown["second_factor"], shown["required"]) == (False, False)
    code, _, err = relayd("user", "totp", EMAIL, "--reset")
    assert (code, "there is nothing to reset" in err) == (Exit.USAGE, True)


def test_operators_and_what_they_did(
    relayd: Command, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One is made and shown; with the requirement, booking takes one who shows a second factor."""
    relayd("user", "add", EMAIL, "--password-stdin", stdin="correct horse\n")
    assert relayd("user", "operator", EMAIL)[1] == f"{EMAIL}: no operator\n"
    appoint = ("user", "operator", EMAIL, "--appoint", "--reason", "keeps the books")
    assert relayd(*appoint)[1] == f"{EMAIL}: an operator\n"
    grant = ("credit", "grant", EMAIL, "5", "--reason", "to try it")
    assert relayd(*grant)[0] == Exit.OK

    monkeypatch.setenv("RELAYD_AUTH__OPERATOR_SECOND_FACTOR", "true")
    for more, told in {
        (): "name your own operator's account",
        ("--operator", EMAIL): "no second factor",
        ("--code", "123456"): "whose code is it",
        ("--operator", "nobody@example.org"): "has no account",
    }.items():
        code, out, err = relayd(*grant, *more)
        assert (code, out) == (Exit.USAGE, "")
        assert told in err
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO second_factors (user_id, seed, confirmed_at)"
            " SELECT id, decode(repeat('00', 16), 'hex'), now() FROM users"
        )
    assert "a code of your authenticator app" in relayd(*grant, "--operator", EMAIL)[2]
    assert "the code is wrong" in relayd(*grant, "--operator", EMAIL, "--code", "x")[2]
    assert "name your own" in relayd("user", "totp", EMAIL, "--reset")[2]
    phone = Totp(PEPPER.encode())
    shown = TOTP(phone.secret(bytes(16))).now()
    assert relayd(*grant, "--operator", EMAIL, "--code", shown)[0] == Exit.OK

    trail = answered(relayd("credit", "trail", "--json"))
    assert [one["action"] for one in trail] == ["grant", "grant", "appoint_operator"]
    assert [one["second_factor"] for one in trail] == [True, False, False]
    assert (trail[0]["operator"], trail[1]["operator"]) == (EMAIL, None)
    assert (trail[0]["seconds"], trail[0]["reason"]) == (5, "to try it")
    assert "keeps the books" in relayd("credit", "trail")[1]


def test_credit_is_booked_exactly_and_once(relayd: Command) -> None:
    """Milliseconds, up and down, a shortfall as debt; a repeated key books nothing."""
    relayd("user", "add", EMAIL, "--password-stdin", stdin="correct horse\n")
    grant = ("credit", "grant", EMAIL, "600.5", "--reason", "x", "--key", "k", "--json")
    assert answered(relayd(*grant))["seconds_remaining"] == 600.5
    again = answered(relayd(*grant))
    assert (again["repeated"], again["booked_seconds"]) == (True, 0)
    assert again["seconds_remaining"] == 600.5
    below = answered(relayd("credit", "adjust", EMAIL, "-700", "--reason", "y", "--json"))
    assert (below["seconds_remaining"], below["seconds_owed"]) == (0, 99.5)
    assert relayd("audit")[:2] == (Exit.OK, "balanced\n")


def test_minutes_that_run_out_are_given_once(relayd: Command) -> None:
    """With a plan and an end; a repeated key gives nothing, and the books balance."""
    relayd("user", "add", EMAIL, "--password-stdin", stdin="correct horse\n")
    give = ("plans", "give", EMAIL, "60", "--days", "7", "--reason", "x", "--key", "k")
    assert relayd(*give)[1] == f"gave 60 min to {EMAIL}: 3600 s left\n"
    again = answered(relayd(*give, "--json"))
    assert (again["repeated"], again["minutes"], again["seconds_remaining"]) == (True, 0, 3600)
    shown = answered(relayd("plans", "show", EMAIL, "--json"))
    (lot,) = shown["expiring"]
    assert (shown["plan"], lot["source"], lot["seconds_remaining"]) == (None, "hand", 3600)
    assert "3600 of 3600 s until" in relayd("plans", "show", EMAIL)[1]
    (deed,) = answered(relayd("credit", "trail", "--json"))
    assert (deed["action"], deed["reference"], deed["reason"]) == ("give_minutes", "k", "x")
    assert relayd("audit")[:2] == (Exit.OK, "balanced\n")


def test_plans_are_shown(relayd: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """What each gives, as configured; without any, it says so."""
    assert "every account may do the same" in relayd("plans", "list")[1]
    monkeypatch.setenv("RELAYD_PLANS__ON", "true")
    monkeypatch.setenv("RELAYD_PLANS__FREE__UNPROVEN", "true")
    relayd("user", "add", EMAIL, "--password-stdin", stdin="correct horse\n")
    free, pro, payg = answered(relayd("plans", "list", "--json"))
    assert [one["plan"] for one in (free, pro, payg)] == ["free", "pro", "payg"]
    assert (free["minutes_per_month"], free["formats"], pro["formats"]) == (60, ["json"], None)
    given = ("plans", "give", EMAIL, "1000", "--days", "30", "--plan", "pro", "--reason", "x")
    first = answered(relayd("plans", "show", EMAIL, "--json"))
    relayd(*given)
    after = answered(relayd("plans", "show", EMAIL, "--json"))
    assert (first["plan"], first["seconds_remaining"]) == ("free", 3600)
    assert (after["plan"], after["seconds_remaining"]) == ("pro", 63_600)


def test_no_sessions_yet(relayd: Command) -> None:
    """Live and recent ones are two lists, empty at first."""
    assert answered(relayd("sessions", "--json")) == {"live": [], "recent": []}


def test_the_audit_shows_what_is_wrong(relayd: Command, database_url: str) -> None:
    """A balance that somebody edited by hand: exit code 1 and the row."""
    relayd("user", "add", EMAIL, "--password-stdin", stdin="correct horse\n")
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE credit_balance SET balance_ms = 7")
    code, out, _ = relayd("audit", "--json")
    assert code == Exit.NOT_WELL
    assert json.loads(out)["balanced"] is False
    assert json.loads(out)["findings"][0]["row"]["balance_ms"] == 7
    code, out, _ = relayd("audit")
    assert code == Exit.NOT_WELL
    assert "balance_ms=7" in out


def test_migrate_says_what_it_did(fresh_relayd: Command) -> None:
    """The first time every migration, the second time none."""
    assert "0001_accounts.sql" in answered(fresh_relayd("migrate", "--json"))["applied"]
    assert fresh_relayd("migrate")[1] == "nothing to do: the schema is up to date\n"


@pytest.mark.parametrize(
    "command", [("user", "list"), ("audit",), ("sessions",), ("credit", "grant", EMAIL, "5")]
)
def test_a_command_makes_no_tables(
    fresh_relayd: Command, empty_database_url: str, command: tuple[str, ...]
) -> None:
    """On an empty database it says what to do; nothing is written, and nothing is balanced."""
    reason = ("--reason", "x") if "grant" in command else ()
    code, out, err = fresh_relayd(*command, *reason)
    assert (code, out) == (Exit.USAGE, "")
    assert "no tables of relayd's" in err
    assert "run `relayd migrate` first" in err
    with psycopg.connect(empty_database_url) as connection:
        assert connection.execute("SELECT FROM pg_tables WHERE schemaname = 'public'").rowcount == 0


def test_a_database_in_use_is_not_migrated_in_passing(relayd: Command, database_url: str) -> None:
    """Older daemons may be serving on it: the operator is told to migrate."""
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "DELETE FROM schema_migrations WHERE version ="
            " (SELECT max(version) FROM schema_migrations)"
        )
    code, _, err = relayd("user", "list")
    assert code == Exit.USAGE
    assert "run `relayd migrate` first" in err


def test_a_changed_migration_is_found(relayd: Command, database_url: str) -> None:
    """Commands and `check` refuse a schema that is not what this version's files say."""
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE schema_migrations SET checksum = 'other' WHERE version = 1")
    for command in (("user", "list"), ("check",)):
        code, out, err = relayd(*command)
        assert code != Exit.OK
        assert "0001_accounts.sql is not what was applied" in out + err


def test_no_database(relayd: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unreachable is exit code 3, and the password in the URL is not shown."""
    monkeypatch.setenv("RELAYD_DATABASE__URL", "postgresql://u:hunter2@127.0.0.1:1/d")
    monkeypatch.setenv("RELAYD_DATABASE__CONNECT_SECONDS", "2")
    code, _, err = relayd("audit")
    assert code == Exit.UNREACHABLE
    assert "can't be reached" in err
    assert "hunter2" not in err


def test_the_overview(relayd: Command) -> None:
    """A month at a glance, for people and as JSON, on a server that sold nothing yet."""
    relayd("user", "add", EMAIL, "--password-stdin", stdin="correct horse\n")
    code, out, _ = relayd("overview", "--days", "7")
    assert code == Exit.OK
    assert "now: 0 live" in out
    assert "1 users, 1 new in a day" in out
    seen = answered(relayd("overview", "--json"))
    assert seen["margin_cents"] == 0
    assert seen["present"]["users"] == 1
    assert seen["engines"] == []
