"""GET /: what this is, for a person who opens the address in a browser."""

from quart import Blueprint

from relayd import __version__
from relayd.routes.description import undescribed
from relayd.routes.protection import exempt

__all__ = ["blueprint"]

blueprint = Blueprint("about", __name__)


@blueprint.get("/")
@exempt("public and constant")
@undescribed("for a person")
async def about() -> dict[str, str]:
    """Name, purpose, and where to go."""
    return {
        "name": "relayd",
        "version": __version__,
        "what": "A metered relay between apps and a speech-to-text engine.",
        "stream": "/ws/transcribe",
        "health": "/health",
    }
