"""Which site's page a request comes from, as far as its browser says.

Browsers send `Sec-Fetch-Site` by themselves (Fetch Metadata), and no page can change it; older ones
say at least the `Origin` of what they post (RFC 6454). Apps send neither.
"""

from typing import Final

from quart import request

from relayd.routes.toolkit.problems import Refusal
from relayd.routes.toolkit.wiring import wiring

__all__ = ["OTHER_SITE", "refuse_other_sites"]

OTHER_SITE: Final = Refusal(
    403,
    "cross_site",
    "This page may not ask here. The operator allows pages of other sites in server.origins.",
)
# None: a person typed the address.
_OWN: Final = {"same-origin", "none"}


def refuse_other_sites() -> None:
    """Let in apps, our own pages and those that the operator named."""
    sites = request.headers.getlist("Sec-Fetch-Site")
    origins = request.headers.getlist("Origin")
    services = wiring().services
    allowed = {*services.origins, *services.own_origins}
    own = all(site in _OWN for site in sites) if sites else not origins
    if not own and not (len(origins) == 1 and origins[0] in allowed):
        raise OTHER_SITE.problem()
