"""Access tokens: nothing but our own, in their time, is accepted."""

import base64
import json
import time
from typing import Any
from uuid import UUID

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayd.accounts.sign_ins.tokens import AccessToken, AccessTokens, RefreshToken, refresh_hash
from relayd.identity import Principal

SECRET = b"s" * 32
PRINCIPAL = Principal.signed_in(UUID(int=1), UUID(int=2))
TOKENS = AccessTokens(SECRET)
BESIDE = bytes(range(32))


def _claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    claims = {
        "iss": "relayd",
        "aud": "relayd",
        "typ": "access",
        "iat": now,
        "exp": now + 60,
        "sub": str(PRINCIPAL.user_id),
        "fam": str(PRINCIPAL.sign_in_id),
    }
    return claims | changes


def _signed(claims: dict[str, Any], key: bytes = SECRET, algorithm: str = "HS256") -> str:
    return jwt.encode(claims, key, algorithm=algorithm)


def test_round_trip() -> None:
    """What was issued is accepted and names its user and family."""
    assert TOKENS.authenticate(TOKENS.issue(PRINCIPAL, BESIDE, 900)) == PRINCIPAL
    assert TOKENS.authenticate(_signed(_claims())) == PRINCIPAL


def test_the_refresh_token_beside() -> None:
    """A token names the refresh token that was issued with it, by its hash; an old one none."""
    read = TOKENS.read(TOKENS.issue(PRINCIPAL, BESIDE, 900))
    assert read == AccessToken(PRINCIPAL, BESIDE)
    assert TOKENS.read(_signed(_claims())) == AccessToken(PRINCIPAL, None)


@pytest.mark.parametrize("named", [None, 7, "", "x", "é" * 44, "A" * 43, "A" * 88, ["A" * 44]])
def test_no_hash(named: object) -> None:
    """What can't be a refresh token's hash is none, whoever signed it."""
    read = TOKENS.read(_signed(_claims(ref=named)))
    assert read == AccessToken(PRINCIPAL, None)


def test_successors() -> None:
    """The next token follows from the one before and the secret, and from nothing else."""
    one, other = RefreshToken(), RefreshToken()
    following = TOKENS.successor(one.hash)
    assert following == AccessTokens(SECRET).successor(one.hash)
    assert refresh_hash(following.text) == following.hash
    different = {
        following.text,
        one.text,
        TOKENS.successor(other.hash).text,
        TOKENS.successor(following.hash).text,
        AccessTokens(b"t" * 32).successor(one.hash).text,
    }
    assert len(different) == 5


def test_short_secret() -> None:
    """A secret shorter than the hash is refused at the start."""
    with pytest.raises(ValueError, match="32 bytes"):
        AccessTokens(b"s" * 31)


@pytest.mark.parametrize("claim", sorted(_claims()))
def test_missing_claims(claim: str) -> None:
    """Every claim is required."""
    claims = _claims()
    del claims[claim]
    assert TOKENS.authenticate(_signed(claims)) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "elsewhere"},
        {"aud": "elsewhere"},
        {"aud": ["relayd", "elsewhere"]},
        {"typ": "refresh"},
        {"typ": ["access"]},
        {"sub": "nobody"},
        {"sub": str(PRINCIPAL.user_id) * 10},
        {"fam": 2},
        {"fam": ["x"]},
        {"fam": {}},
        {"exp": "soon"},
        {"exp": 10**4000},
        {"exp": float("inf")},
        {"exp": int(time.time()) - 6},
        {"iat": int(time.time()) + 3600},
        {"nbf": int(time.time()) + 3600},
    ],
)
def test_wrong_claims(changes: dict[str, Any]) -> None:
    """A token of another issuer, audience, kind or time is refused, even signed by us."""
    assert TOKENS.authenticate(_signed(_claims(**changes))) is None


def test_clock_skew() -> None:
    """Daemons whose clocks differ by a few seconds accept each other's tokens."""
    ahead = AccessTokens(SECRET, now=lambda: time.time() + 3)
    assert TOKENS.authenticate(ahead.issue(PRINCIPAL, BESIDE, 900)) == PRINCIPAL


def test_expired() -> None:
    """A token is good for its minutes and no longer."""
    past = AccessTokens(SECRET, now=lambda: time.time() - 16 * 60)
    assert TOKENS.authenticate(past.issue(PRINCIPAL, BESIDE, 900)) is None


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_other_algorithms(algorithm: str) -> None:
    """The algorithm is pinned, not taken from the token."""
    token = _signed(_claims(), b"s" * 64, algorithm)
    assert AccessTokens(b"s" * 64).authenticate(token) is None


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "", "RS256"])
def test_unsigned(algorithm: str) -> None:
    """«No algorithm» is not an algorithm."""
    header = _segment(json.dumps({"alg": algorithm, "typ": "JWT"}).encode())
    payload = _segment(json.dumps(_claims()).encode())
    for signature in ["", TOKENS.issue(PRINCIPAL, BESIDE, 900).rpartition(".")[2]]:
        assert TOKENS.authenticate(f"{header}.{payload}.{signature}") is None


def test_other_secret() -> None:
    """A token signed with another secret is refused."""
    assert TOKENS.authenticate(_signed(_claims(), b"t" * 32)) is None


@pytest.mark.parametrize("part", [0, 1, 2])
def test_tampered(part: int) -> None:
    """One changed character anywhere spoils a token."""
    segments = TOKENS.issue(PRINCIPAL, BESIDE, 900).split(".")
    # The first one: the last may carry bits that base64 ignores.
    segments[part] = ("A" if segments[part][0] != "A" else "B") + segments[part][1:]
    assert TOKENS.authenticate(".".join(segments)) is None


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "...",
        "a.b",
        "x" * 1_000_000,
        "é.é.é",
        "\ud800",
        "\0",
        f"{base64.urlsafe_b64encode(b'[' * 700).decode()}.e30.x",
        f"{base64.urlsafe_b64encode(b'[]').decode()}.e30.x",
    ],
)
def test_nonsense(token: str) -> None:
    """What is no token at all is refused without an exception."""
    assert TOKENS.authenticate(token) is None


@given(st.text() | st.from_regex(r"[A-Za-z0-9_-]{0,40}\.[A-Za-z0-9_-]{0,80}\.[A-Za-z0-9_-]{0,43}"))
def test_any_text(token: str) -> None:
    """No text makes the check raise."""
    assert TOKENS.authenticate(token) is None


def test_nothing_secret_in_repr() -> None:
    """Neither the secret nor a token reaches a log by way of a repr."""
    refresh = RefreshToken()
    assert "sss" not in repr(TOKENS)
    assert refresh.text not in repr(refresh)


def test_refresh_tokens() -> None:
    """Refresh tokens are long, never the same twice, and known by their hash."""
    one, other = RefreshToken(), RefreshToken()
    assert one.text != other.text
    assert len(base64.urlsafe_b64decode(one.text + "=")) == 32
    assert refresh_hash(one.text) == one.hash != other.hash


@given(st.text())
def test_refresh_hash_of_any_text(presented: str) -> None:
    """What can't be one of ours has no hash, and nothing raises."""
    if len(presented) != 43:
        assert refresh_hash(presented) is None


def _segment(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
