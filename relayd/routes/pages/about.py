"""What this server is, for programs that ask for ``/`` as JSON and for the pages themselves."""

import attrs

from relayd import __version__
from relayd.routes.toolkit.forms import Form
from relayd.routes.toolkit.wiring import Services

__all__ = ["Facts"]


class Facts(Form):
    """Name, purpose, where to go; what is sold, whether mail is sent; seller and source."""

    name: str
    version: str
    what: str
    stream: str
    health: str
    sales: bool
    # Those that can be subscribed to.
    plans: list[str]
    mail: bool
    repository_url: str
    seller: dict[str, str]

    @classmethod
    def of(cls, services: Services) -> "Facts":
        """Of this daemon."""
        shop = services.shop
        return cls(
            name="relayd",
            version=__version__,
            what="A metered relay between apps and a speech-to-text engine.",
            stream="/ws/transcribe",
            health="/health",
            sales=shop is not None,
            plans=[] if shop is None else [one.name for one in shop.subscribing.plans],
            mail=services.accounts.addresses is not None,
            repository_url=services.repository_url,
            seller=attrs.asdict(services.seller),
        )
