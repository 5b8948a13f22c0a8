"""How large a request's body may be and how long it may take: small and short, unless a route says.

Both must be known before the first byte of the body comes, so they are looked up by the address.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs
from quart_trio.wrappers import TrioRequest
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map

from relayd.edge.body import BodyPolicy

__all__ = ["CEILING_BYTES", "JSON", "BodyPolicies"]

# Beyond any file: what one may have is configured, and judged by the view that takes it.
CEILING_BYTES: Final = 1 << 40
# The largest JSON body any route takes is a few hundred bytes.
JSON: Final = BodyPolicy(bytes_max=64 * 1024, seconds=10)


@attrs.frozen
class BodyPolicies:
    """Those of an application's routes. ``stated``: what a view says, None for nothing."""

    url_map: Map
    views: Mapping[str, Callable[..., object]]
    stated: Callable[[Callable[..., object]], BodyPolicy | None]

    def of(self, method: str, path: str) -> BodyPolicy:
        """That of the route of a request; `JSON` where there is none, or it is silent."""
        try:
            endpoint, _ = self.url_map.bind("").match(path, method)
        except HTTPException:
            return JSON
        return self.stated(self.views[endpoint]) or JSON

    def request_class(self) -> type[TrioRequest]:
        """Quart-Trio's request, its body bounded by the policy of its route."""
        policies = self

        class PolicedRequest(TrioRequest):
            def __init__(
                self, method: str, scheme: str, path: str, *more: Any, **options: Any
            ) -> None:
                policy = policies.of(method, path)
                options["max_content_length"] = policy.bytes_max
                options["body_timeout"] = policy.seconds
                super().__init__(method, scheme, path, *more, **options)
                # The option bounds the body; this attribute would still say the framework's bound.
                self.max_content_length = policy.bytes_max

        return PolicedRequest
