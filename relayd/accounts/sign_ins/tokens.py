"""The two kinds of token: signed access tokens, and refresh tokens that mean nothing in themselves.

An access token names the sign-in it came from, so that whatever is done with it ends with that. It
also names the refresh token that was issued beside it, by its hash: it may be traded in its place,
which spends that one. The database knows refresh tokens by their SHA-256. That needs no salt: 32
random bytes can't be guessed from a table.

What follows on a refresh token is computed from it and the secret. So however often one is
presented, there is one successor, and a stolen token never makes two lines that both live on.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

import attrs
import jwt
import trio

from relayd.identity import Principal

__all__ = [
    "SECRET_MIN_BYTES",
    "AccessToken",
    "AccessTokens",
    "RefreshToken",
    "TokenAuthenticator",
    "refresh_hash",
]

SECRET_MIN_BYTES: Final = 32  # HS256: a key as long as its hash (RFC 7518, section 3.2)

_ALGORITHM: Final = "HS256"
_ISSUER: Final = "relayd"
_AUDIENCE: Final = "relayd"
_TYPE: Final = "access"
_REQUIRED: Final = ["iss", "aud", "typ", "exp", "iat", "sub", "fam"]
# Several daemons may issue and check: their clocks agree to within this.
_SKEW_SECONDS: Final = 5
# Ours have about 400 characters; nothing longer is worth decoding.
_TOKEN_MAX: Final = 1024
_REFRESH_BYTES: Final = 32
_REFRESH_CHARACTERS: Final = 43  # 32 bytes in base64 without padding
# Of a key that is used for this alone.
_SUCCESSION: Final = b"relayd: the successor of a refresh token"


@attrs.frozen
class AccessToken:
    """What an access token says. ``refresh_hash``: what it may be traded in place of."""

    principal: Principal
    refresh_hash: bytes | None


@attrs.frozen
class AccessTokens:
    """Issues and checks access tokens: pure computation."""

    secret: bytes = attrs.field(repr=False)
    now: Callable[[], float] = time.time

    def __attrs_post_init__(self) -> None:
        # PyJWT only warns, and only by default.
        if len(self.secret) < SECRET_MIN_BYTES:
            raise ValueError(f"a token secret needs at least {SECRET_MIN_BYTES} bytes")

    def issue(self, principal: Principal, refresh_hash: bytes, seconds: int) -> str:
        """A signed token for a user's sign-in, good for so long, beside that refresh token."""
        assert principal.sign_in_id is not None
        issued_at = int(self.now())
        claims = {
            "iss": _ISSUER,
            "aud": _AUDIENCE,
            "typ": _TYPE,
            "iat": issued_at,
            "exp": issued_at + seconds,
            "sub": str(principal.user_id),
            "fam": str(principal.sign_in_id),
            "ref": base64.urlsafe_b64encode(refresh_hash).decode("ascii"),
        }
        token = jwt.encode(claims, self.secret, algorithm=_ALGORITHM)
        assert len(token) <= _TOKEN_MAX
        return token

    def authenticate(self, token: str) -> Principal | None:
        """The token's owner, or None for a wrong or expired token."""
        read = self.read(token)
        return None if read is None else read.principal

    def read(self, token: str) -> AccessToken | None:
        """All that a token says, or None for a wrong or expired one."""
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
        return _understood(claims)

    def successor(self, presented: bytes) -> "RefreshToken":
        """The one refresh token that follows on that of this hash."""
        key = hmac.digest(self.secret, _SUCCESSION, hashlib.sha256)
        derived = hmac.digest(key, presented, hashlib.sha256)
        return RefreshToken(base64.urlsafe_b64encode(derived).decode("ascii").rstrip("="))


def _understood(claims: dict[str, Any]) -> AccessToken | None:
    if claims["typ"] != _TYPE:
        return None
    try:
        principal = Principal.signed_in(UUID(claims["sub"]), UUID(claims["fam"]))
    except (ValueError, AttributeError, TypeError):
        return None
    return AccessToken(principal, _named_refresh(claims.get("ref")))


def _named_refresh(named: Any) -> bytes | None:
    """The hash of the refresh token beside; None in a token from before it was named."""
    try:
        found = base64.urlsafe_b64decode(named) if isinstance(named, str) else b""
    except (binascii.Error, ValueError):
        return None
    return found if len(found) == hashlib.sha256().digest_size else None


@attrs.frozen
class TokenAuthenticator:
    """Implements `relayd.identity.Authenticator` for access tokens.

    It asks no database: the ledger refuses whose sign-in ended, in the transaction that opens the
    session.
    """

    tokens: AccessTokens

    async def authenticate(self, token: str) -> Principal | None:
        """See the port."""
        await trio.lowlevel.checkpoint()
        return self.tokens.authenticate(token)


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
