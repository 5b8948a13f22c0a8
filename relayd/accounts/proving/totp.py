"""Codes of an authenticator app, and recovery codes. Pure.

An app's secret is computed from a seed in the database and the pepper, which isn't in it, so that a
stolen backup makes no codes. Recovery codes are random and stored as HMACs.
"""

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from typing import Final
from uuid import UUID

import attrs
import pyotp
import pyotp.utils

__all__ = ["SEED_BYTES", "Totp"]

SEED_BYTES: Final = 16
# RFC 6238 and every app's default.
_STEP_SECONDS: Final = 30
# A phone's clock may be off by one step either way.
_STEPS_OFF: Final = (-1, 0, 1)
_SECRET_BYTES: Final = 20  # as long as the hash (RFC 4226, section 4)
_RECOVERY_CODES: Final = 10
# 32 letters and digits that nobody mistakes for each other: 50 bits.
_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz023456789"
_RECOVERY_CHARACTERS: Final = 10
# Of keys that are used for one thing each.
_SECRETS: Final = b"relayd: secrets of authenticator apps"
_RECOVERY: Final = b"relayd: recovery codes"


@attrs.frozen
class Totp:
    """Makes secrets and judges codes. ``now``: seconds since 1970, as phones have them."""

    pepper: bytes = attrs.field(repr=False)
    now: Callable[[], float] = time.time

    def secret(self, seed: bytes) -> str:
        """What the app is told, in base32."""
        key = hmac.digest(self.pepper, _SECRETS, hashlib.sha256)
        mac = hmac.digest(key, seed, hashlib.sha256)
        return base64.b32encode(mac[:_SECRET_BYTES]).decode("ascii")

    def uri(self, seed: bytes, email: str, issuer: str) -> str:
        """The same as a QR code has it (otpauth://)."""
        return pyotp.TOTP(self.secret(seed)).provisioning_uri(name=email, issuer_name=issuer)

    def step(self, seed: bytes, code: str, after: int) -> int | None:
        """The time step that a code is of, if it is good and later than ``after``; else None."""
        typed = "".join(code.split())
        if not typed.isascii():
            return None
        app, now = pyotp.TOTP(self.secret(seed)), int(self.now()) // _STEP_SECONDS
        for step in (now + off for off in _STEPS_OFF):
            good = pyotp.utils.strings_equal(app.generate_otp(step), typed)
            if good and step > after:
                return step
        return None

    def recovery_codes(self) -> tuple[str, ...]:
        """Fresh ones, in two halves to be written down."""
        return tuple(f"{_half()}-{_half()}" for _ in range(_RECOVERY_CODES))

    def recovery_hash(self, user_id: UUID, code: str) -> bytes:
        """What the database knows a user's recovery code by, however it is typed."""
        typed = "".join(code.split()).replace("-", "").lower()
        key = hmac.digest(self.pepper, _RECOVERY, hashlib.sha256)
        return hmac.digest(key, user_id.bytes + typed.encode("utf-8", "replace"), hashlib.sha256)


def _half() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(_RECOVERY_CHARACTERS // 2))
