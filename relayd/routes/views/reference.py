"""GET /openapi.json: the description of this interface, for programs and for the page /docs."""

import json
from typing import Annotated, Final

from quart import Blueprint, Response, current_app

from relayd.keys.spelling import PREFIX, Spelling
from relayd.routes.toolkit.description import Answer, Topic, described, undescribed
from relayd.routes.toolkit.forms import Form, told
from relayd.routes.toolkit.openapi import document
from relayd.routes.toolkit.protection import exempt
from relayd.routes.toolkit.wiring import wiring

__all__ = ["blueprint"]

blueprint = Blueprint("reference", __name__)

_EXTENSION: Final = "relayd.openapi"


class ApiDocument(Form):
    """The description itself."""

    openapi: Annotated[str, told("Its version.", "3.1.0")]


@blueprint.get("/api-docs")
@exempt("a redirect")
@undescribed("leads to a page")
async def api_docs() -> Response:
    """Another address of the page /docs."""
    return Response(b"", status=302, headers={"Location": "/docs"})


@blueprint.get("/openapi.json")
@exempt("public and made once")
@described(
    Topic.SERVICE,
    gives={
        200: Answer(
            "OpenAPI 3.1.",
            ApiDocument,
        )
    },
)
async def openapi() -> Response:
    """The description of this interface for programs."""
    app = current_app
    made = app.extensions.get(_EXTENSION)
    if made is None:
        services = wiring().services
        spelling = Spelling() if services.keys is None else services.keys.spelling
        written = document(app.url_map, app.view_functions, spelling, services.repository_url)
        # The forms' examples have the usual prefix.
        made = json.dumps(written).replace(f"{PREFIX}_live_", f"{spelling.prefix}_live_")
        app.extensions[_EXTENSION] = made
    return Response(made, content_type="application/json")
