"""Who asks: a user, and the credential that proves it."""

import enum
from typing import Protocol, Self
from uuid import UUID

import attrs

__all__ = ["Authenticator", "Credential", "CredentialKind", "Principal"]


class CredentialKind(enum.Enum):
    """What was presented. Each kind is looked up, and called back, in its own place."""

    # A token of a sign-in (a family of refresh tokens).
    SIGN_IN = "sign_in"


@attrs.frozen
class Credential:
    """One credential of a user; when it is called back, so is all that was begun with it."""

    kind: CredentialKind
    id: UUID


@attrs.frozen
class Principal:
    """An authenticated user. Without a credential nothing can be called back."""

    user_id: UUID
    credential: Credential | None = None

    @classmethod
    def signed_in(cls, user_id: UUID, sign_in_id: UUID) -> Self:
        """A user by one of their sign-ins."""
        return cls(user_id, Credential(CredentialKind.SIGN_IN, sign_in_id))

    @property
    def sign_in_id(self) -> UUID | None:
        """The sign-in, where that is the credential."""
        if self.credential is None or self.credential.kind is not CredentialKind.SIGN_IN:
            return None
        return self.credential.id


class Authenticator(Protocol):
    """Checks what an app says that it is. It may wait; raises `DatabaseUnavailable`."""

    async def authenticate(self, token: str) -> Principal | None:
        """The token's owner, or None for a wrong or expired token."""
