"""What this server is, for programs that ask for ``/`` as JSON and for the pages themselves."""

import json

import attrs

from relayd import __version__
from relayd.routes.wiring import Services

__all__ = ["facts"]


def facts(services: Services) -> str:
    """Name, purpose, where to go; whether minutes are sold and by whom; where the source is."""
    return json.dumps(
        {
            "name": "relayd",
            "version": __version__,
            "what": "A metered relay between apps and a speech-to-text engine.",
            "stream": "/ws/transcribe",
            "health": "/health",
            "sales": services.shop is not None,
            "repository_url": services.repository_url,
            "seller": attrs.asdict(services.seller),
        }
    )
