"""The two kinds of token: short-lived signed access tokens, long-lived random refresh tokens.

An access token is checked without the database and names the sign-in it came from, so that a
session can be ended with it. A refresh token means nothing in itself; the database knows its
SHA-256. That needs no salt: 32 random bytes can't be guessed from a table.
"""

import hashlib
import secrets
import time
from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

import attrs
import jwt

from relayd.identity import Principal

__all__ = ["SECRET_MIN_BYTES", "AccessTokens", "RefreshToken", "refresh_hash"]

SECRET_MIN_BYTES: Final = 32  # HS256: a key as long as its hash (RFC 7518, section 3.2)

_ALGORITHM: Final = "HS256"
_ISSUER: Final = "relayd"
_AUDIENCE: Final = "relayd"
_TYPE: Final = "access"
_REQUIRED: Final = ["iss", "aud", "typ", "exp", "iat", "sub", "fam"]
# Several daemons may issue and check: their clocks agree to within this.
_SKEW_SECONDS: Final = 5
# Ours have about 330 characters; nothing longer is worth decoding.
_TOKEN_MAX: Final = 1024
_REFRESH_BYTES: Final = 32
_REFRESH_CHARACTERS: Final = 43  # 32 bytes in base64 without padding


@attrs.frozen
class AccessTokens:
    """Issues and checks access tokens; implements the session's `Authenticator`."""

    secret: bytes = attrs.field(repr=False)
    access_minutes: int = 15
    now: Callable[[], float] = time.time

    def __attrs_post_init__(self) -> None:
        # PyJWT only warns, and only by default.
        if len(self.secret) < SECRET_MIN_BYTES:
            raise ValueError(f"a token secret needs at least {SECRET_MIN_BYTES} bytes")

    @property
    def access_seconds(self) -> int:
        """How long a token is good for."""
        return self.access_minutes * 60

    def issue(self, principal: Principal) -> str:
        """A signed token for a user's sign-in."""
        assert principal.sign_in_id is not None
        issued_at = int(self.now())
        claims = {
            "iss": _ISSUER,
            "aud": _AUDIENCE,
            "typ": _TYPE,
            "iat": issued_at,
            "exp": issued_at + self.access_seconds,
            "sub": str(principal.user_id),
            "fam": str(principal.sign_in_id),
        }
        token = jwt.encode(claims, self.secret, algorithm=_ALGORITHM)
        assert len(token) <= _TOKEN_MAX
        return token

    def authenticate(self, token: str) -> Principal | None:
        """The token's owner, or None for a wrong or expired token."""
        if len(token) > _TOKEN_MAX or not token.isascii():
            return None
        try:
            claims = jwt.decode(
                token,
                self.secret,
                algorithms=[_ALGORITHM],
                issuer=_ISSUER,
                audience=_AUDIENCE,
                leeway=_SKEW_SECONDS,
                options={"require": _REQUIRED, "strict_aud": True},
            )
        except jwt.PyJWTError:
            return None
        return _principal(claims)


def _principal(claims: dict[str, Any]) -> Principal | None:
    if claims["typ"] != _TYPE:
        return None
    try:
        return Principal.signed_in(UUID(claims["sub"]), UUID(claims["fam"]))
    except (ValueError, AttributeError, TypeError):
        return None


@attrs.frozen
class RefreshToken:
    """A fresh refresh token. ``text`` goes to the client once, ``hash`` to the database."""

    text: str = attrs.field(repr=False, factory=lambda: secrets.token_urlsafe(_REFRESH_BYTES))

    @property
    def hash(self) -> bytes:
        """What the database knows it by."""
        return hashlib.sha256(self.text.encode("ascii")).digest()


def refresh_hash(text: str) -> bytes | None:
    """The hash of what a client presents, or None where it can't be one of our tokens."""
    if len(text) != _REFRESH_CHARACTERS or not text.isascii():
        return None
    return hashlib.sha256(text.encode("ascii")).digest()
