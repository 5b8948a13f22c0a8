"""`relayd keys` on a real database."""

import pytest

from relayd.cli.toolkit.exits import Exit
from tests.cli.commands import EMAIL, Command, answered

pytestmark = pytest.mark.system


def test_a_key_from_made_to_revoked(relayd: Command) -> None:
    """Create prints the key and nothing else; list and revoke never show it again."""
    relayd("user", "add", EMAIL, "--password-stdin", stdin="correct horse\n")
    code, key, _ = relayd("keys", "create", EMAIL, "--name", "ops", "--scope", "admin")
    assert code == Exit.OK
    assert key.startswith("wtr_live_")
    (listed,) = answered(relayd("keys", "list", EMAIL, "--json"))
    assert (listed["name"], listed["scopes"]) == ("ops", ["admin"])
    assert key.strip() not in relayd("keys", "list", EMAIL)[1]
    (row,) = answered(relayd("credit", "trail", "--json"))
    assert (row["action"], row["email"], row["reason"]) == ("make_admin_key", EMAIL, "ops")
    told = relayd("keys", "revoke", listed["id"])
    assert told[:2] == (Exit.OK, f"ops ({listed['hint']}) is revoked\n")
    assert answered(relayd("keys", "list", EMAIL, "--json"))[0]["revoked_at"] is not None


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("create", EMAIL, "--name", "x"), "has no account"),
        (("create", EMAIL, "--name", "\t"), "1 to 100 printable characters"),
        (("list", EMAIL), "has no account"),
        (("revoke", "0b0a1b7e-3c6b-4a0f-8f59-2f6c4f1d7e22"), "there is no key"),
    ],
)
def test_refusals_are_one_line(relayd: Command, arguments: tuple[str, ...], told: str) -> None:
    """What can't be done is said on standard error, with exit code 2."""
    code, out, err = relayd("keys", *arguments)
    assert (code, out) == (Exit.USAGE, "")
    assert told in err
    assert len(err.splitlines()) == 1
