"""Who opens a stream: whoever presents an access token, or a key."""

import attrs

from relayd.identity import Authenticator, Principal
from relayd.keys.keys import Keys

__all__ = ["KeyOrToken"]


@attrs.frozen
class KeyOrToken:
    """Implements `relayd.identity.Authenticator` by what the text says of itself."""

    keys: Keys
    tokens: Authenticator

    async def authenticate(self, token: str) -> Principal | None:
        """See the port."""
        if self.keys.spelling.claims(token):
            return await self.keys.authenticate(token)
        return await self.tokens.authenticate(token)
