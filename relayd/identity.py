"""Who asks: a user, the credential that proves it, and what it is good for."""

import enum
from typing import Final, Protocol, Self
from uuid import UUID

import attrs

__all__ = ["Authenticator", "Credential", "CredentialKind", "Principal", "Scope"]


class CredentialKind(enum.Enum):
    """What was presented. Each kind is looked up, and called back, in its own place."""

    # A token of a sign-in (a family of refresh tokens).
    SIGN_IN = "sign_in"
    # An API key, which programs hold for months.
    KEY = "key"


class Scope(enum.Enum):
    """What a key may be good for."""

    # To open live streams.
    LIVE = "live"
    # To hand in recordings, to call them off and delete them, and to name webhooks.
    BATCH = "batch"
    # To look at recordings, their words, and what was used.
    READ = "read"
    # To see and change what is everybody's. Only the operator makes such keys.
    ADMIN = "admin"


# A sign-in may do all that is its user's; what is everybody's takes a key.
_OF_SIGN_IN: Final = frozenset({Scope.LIVE, Scope.BATCH, Scope.READ})


@attrs.frozen
class Credential:
    """One credential of a user; when it is called back, so is all that was begun with it."""

    kind: CredentialKind
    id: UUID


@attrs.frozen
class Principal:
    """An authenticated user. Without a credential nothing can be called back.

    ``test``: by a test key, which only pretends, costs nothing and sees nothing else.
    """

    user_id: UUID
    credential: Credential | None = None
    scopes: frozenset[Scope] = _OF_SIGN_IN
    test: bool = False

    @classmethod
    def signed_in(cls, user_id: UUID, sign_in_id: UUID) -> Self:
        """A user by one of their sign-ins."""
        return cls(user_id, Credential(CredentialKind.SIGN_IN, sign_in_id))

    @classmethod
    def by_key(
        cls, user_id: UUID, key_id: UUID, scopes: frozenset[Scope], *, test: bool = False
    ) -> Self:
        """A user by one of their keys."""
        return cls(user_id, Credential(CredentialKind.KEY, key_id), scopes, test)

    @property
    def sign_in_id(self) -> UUID | None:
        """The sign-in, where that is the credential."""
        return self._id_of(CredentialKind.SIGN_IN)

    @property
    def key_id(self) -> UUID | None:
        """The key, where that is the credential."""
        return self._id_of(CredentialKind.KEY)

    def may(self, scope: Scope) -> bool:
        """Whether the credential is good for this."""
        return scope in self.scopes

    def _id_of(self, kind: CredentialKind) -> UUID | None:
        if self.credential is None or self.credential.kind is not kind:
            return None
        return self.credential.id


class Authenticator(Protocol):
    """Checks what an app says that it is. It may wait; raises `DatabaseUnavailable`."""

    async def authenticate(self, token: str) -> Principal | None:
        """The owner of a token or key; None for a wrong, expired or revoked one."""
