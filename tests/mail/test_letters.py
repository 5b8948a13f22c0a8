"""What letters say, and what their links carry."""

from uuid import uuid4

import pytest

from relayd import config
from relayd.mail.letters import Kind, Letterhead, Letters, token_hash

HEAD = Letterhead(
    config.Seller(name="Ada's {Minutes}", contact="help@example.org"), "https://relay.example.org/"
)
FACTS = {"when": "2026-03-01 12:00 UTC", "where": "203.0.113.7", "how": "a browser"}


@pytest.mark.parametrize("kind", Kind, ids=[one.value for one in Kind])
def test_every_letter(kind: Kind) -> None:
    """It names the seller, has lines that a mail may have, and its link where it has one."""
    token = "t" * 43 if kind.page else None
    text = HEAD.write(kind, FACTS, token)
    assert "Ada's {Minutes}" in text.subject
    assert "Ada's {Minutes}" in text.body
    assert "unknown" not in text.body
    assert text.body.endswith("-- \nAda's {Minutes}\nQuestions: help@example.org\n")
    lines = text.body.splitlines()
    links = [line for line in lines if line.startswith("https://relay.example.org/")]
    assert all(len(line) <= 78 for line in lines if line not in links)
    expected = f"https://relay.example.org{kind.page}#{token}"
    assert (expected in links) == (kind.page is not None)


def test_without_a_seller() -> None:
    """The server's host stands for its name."""
    head = Letterhead(config.Seller(), "https://relay.example.org")
    text = head.write(Kind.PASSWORD_CHANGED, FACTS, None)
    assert text.subject == "Your password for relay.example.org was changed"
    assert text.body.endswith("-- \nrelay.example.org\n")


def test_tokens() -> None:
    """Each letter has one of its own, which nobody can compute without the pepper."""
    letters, others = Letters(b"p" * 32), Letters(b"q" * 32)
    letter = letters.new(Kind.RESET_PASSWORD)
    token = letters.token(letter.id)
    assert letter.link_hash == token_hash(token)
    assert letters.token(letter.id) == token
    assert token not in {others.token(letter.id), letters.token(uuid4())}
    assert letters.new(Kind.NEW_SIGN_IN).link_hash is None


@pytest.mark.parametrize("nonsense", ["", "x", "x" * 44, "ä" * 43])
def test_what_is_no_token(nonsense: str) -> None:
    """It is nothing that the database could know."""
    assert token_hash(nonsense) is None
