"""One spelling for each address, and a sane notion of which are any."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayd.accounts.users.emails import ADDRESS_MAX, normalise


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("ada@example.com", "ada@example.com"),
        ("  Ada@EXAMPLE.com\n", "ada@example.com"),
        ("a.b+tag_1'x@sub.example.co.uk", "a.b+tag_1'x@sub.example.co.uk"),
        ("\uff41da\uff20example.com", "ada@example.com"),
        ("\u212aelvin@example.com", "kelvin@example.com"),
        ("jose\u0301@example.com", "jos\u00e9@example.com"),
        ("ΔΟΚΙΜΉ@παράδειγμα.ελ", "δοκιμή@παράδειγμα.ελ"),
        (f"{'a' * 64}@{'b' * 63}.example", f"{'a' * 64}@{'b' * 63}.example"),
    ],
)
def test_spellings(typed: str, stored: str) -> None:
    """Case, width, composition and surrounding white space don't make another address."""
    assert normalise(typed) == stored


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "@",
        "ada",
        "ada@",
        "@example.com",
        "ada@example",
        "ada@@example.com",
        "a@b@example.com",
        "ada lovelace@example.com",
        "ada@exa mple.com",
        ".ada@example.com",
        "ada.@example.com",
        "a..b@example.com",
        "ada@.example.com",
        "ada@example..com",
        "ada@-example.com",
        "ada@example-.com",
        "ada@exam_ple.com",
        "ada@[127.0.0.1]",
        '"ada"@example.com',
        "Ada <ada@example.com>",
        "ada@example.com, bob@example.com",
        "ada@example.com\0",
        "a\0da@example.com",
        "ada\r\nBcc: bob@example.com",
        "a\u200bda@example.com",
        "a\u202eda@example.com",
        "a\ud800da@example.com",
        f"{'a' * 65}@example.com",
        f"ada@{'b' * 64}.example",
        f"ada@{'.'.join(['b' * 60] * 5)}",
        " " * 100_000 + "ada@example.com",
        "\ufdfa" * 100_000,
    ],
)
def test_refused(typed: str) -> None:
    """What can't be mailed to, or would hide something, is no address."""
    assert normalise(typed) is None


@given(st.one_of(st.text(), st.from_regex(r"[^@]{1,20}@[^@]{1,20}\.[^@]{1,5}", fullmatch=True)))
def test_stored_form(typed: str) -> None:
    """What comes out is stable, short, ASCII-lower-case and encodable, whatever came in."""
    stored = normalise(typed)
    if stored is None:
        return
    assert normalise(stored) == stored
    assert 3 <= len(stored) <= ADDRESS_MAX
    assert not any("A" <= character <= "Z" for character in stored)
    assert stored.encode("utf-8").count(b"@") == 1
