"""What shows that a browser or an app was signed in to an account before. Pure.

A device token names a user and the sign-in that it was issued with, and is signed. It opens
nothing: whoever has it still needs the password. It only tells that somebody is no stranger.
"""

import base64
import binascii
import hashlib
import hmac
from typing import Final
from uuid import UUID

import attrs

from relayd.identity import Principal

__all__ = ["DEVICE_TOKEN_CHARACTERS", "STRANGER", "DeviceTokens", "Visitor"]

DEVICE_TOKEN_CHARACTERS: Final = 86  # 64 bytes in base64 without padding
# Of a key that is used for this alone.
_DEVICES: Final = b"relayd: browsers and apps that were signed in"


@attrs.frozen
class Visitor:
    """Who asks to be signed in: from where, and with which token of an earlier sign-in.

    ``address`` is for people, ``block`` is what is counted by. ``sign_in_id``: of who is signed in
    to the account already.
    """

    address: str = ""
    block: str = ""
    device_token: str = attrs.field(default="", repr=False)
    sign_in_id: UUID | None = None


STRANGER: Final = Visitor()


@attrs.frozen
class DeviceTokens:
    """Issues and checks device tokens."""

    secret: bytes = attrs.field(repr=False)

    def issue(self, principal: Principal) -> str:
        """The token of a sign-in: always the same one."""
        assert principal.sign_in_id is not None
        said = principal.user_id.bytes + principal.sign_in_id.bytes
        return base64.urlsafe_b64encode(said + self._sign(said)).decode("ascii").rstrip("=")

    def known(self, token: str, user_id: UUID) -> UUID | None:
        """The sign-in that a token of this user's was issued with; None for any other token."""
        if len(token) != DEVICE_TOKEN_CHARACTERS or not token.isascii():
            return None
        try:
            read = base64.urlsafe_b64decode(token + "==")
        except (binascii.Error, ValueError):
            return None
        said, signature = read[:32], read[32:]
        if not hmac.compare_digest(signature, self._sign(said)) or said[:16] != user_id.bytes:
            return None
        return UUID(bytes=said[16:])

    def _sign(self, said: bytes) -> bytes:
        key = hmac.digest(self.secret, _DEVICES, hashlib.sha256)
        return hmac.digest(key, said, hashlib.sha256)
