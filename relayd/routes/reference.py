"""GET /openapi.json, and /docs: the same for people, in a viewer that comes with relayd.

The viewer's files are kept compressed, as they are sent. Its page needs no inline script or style;
two of its icons are images within its stylesheet, which is all that its policy allows beyond our
own files.
"""

import gzip
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from quart import Blueprint, Response, current_app, request

from relayd.routes.description import Answer, Topic, described, undescribed
from relayd.routes.openapi import document
from relayd.routes.problems import NOT_FOUND
from relayd.routes.protection import exempt
from relayd.routes.shapes import Shape, text
from relayd.routes.wiring import wiring

__all__ = ["blueprint", "viewer_directory"]

blueprint = Blueprint("reference", __name__)

_EXTENSION: Final = "relayd.openapi"
# They change with a release only.
_KEPT_SECONDS: Final = 3600
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# Name in the URL → file, type. Nothing else in the directory is served.
_FILES: Final[Mapping[str, tuple[str, str]]] = {
    "start.js": ("start.js", "text/javascript; charset=utf-8"),
    "swagger-ui-bundle.js": (
        "viewer/swagger-ui-bundle.js.gz",
        "text/javascript; charset=utf-8",
    ),
    "swagger-ui.css": ("viewer/swagger-ui.css.gz", "text/css; charset=utf-8"),
}


@blueprint.get("/openapi.json")
@exempt("public and made once")
@described(
    Topic.SERVICE,
    gives={
        200: Answer(
            "OpenAPI 3.1.",
            Shape("Document", "This.", {"openapi": text("Its version.", "3.1.0")}),
        )
    },
)
async def openapi() -> Response:
    """The description of this interface for programs."""
    app = current_app
    made = app.extensions.get(_EXTENSION)
    if made is None:
        repository_url = wiring().services.repository_url
        made = json.dumps(document(app.url_map, app.view_functions, repository_url))
        app.extensions[_EXTENSION] = made
    return Response(made, content_type="application/json")


@blueprint.get("/docs")
@exempt("public and constant")
@undescribed("a page")
async def docs() -> Response:
    """The page."""
    page = Response(_read("index.html"), content_type="text/html; charset=utf-8")
    page.headers["Content-Security-Policy"] = _POLICY
    return page


@blueprint.get("/docs/<name>")
@exempt("public and constant")
@undescribed("a file of a page")
async def file(name: str) -> Response:
    """One of the page's files."""
    if name not in _FILES:
        raise NOT_FOUND.problem()
    path, content_type = _FILES[name]
    content = _read(path)
    headers = {"Cache-Control": f"public, max-age={_KEPT_SECONDS}"}
    if path.endswith(".gz"):
        headers["Vary"] = "Accept-Encoding"
        if request.accept_encodings.quality("gzip") > 0:
            headers["Content-Encoding"] = "gzip"
        else:
            content = gzip.decompress(content)
    return Response(content, headers=headers, content_type=content_type)


def viewer_directory() -> Path:
    """Where the page's files are: in the package once installed, else in the checkout."""
    package = Path(__file__).parents[1]
    installed = package / "webui" / "docs"
    return installed if installed.is_dir() else package.parent / "webui" / "docs"


# Half a megabyte in all, read from the disk once.
@cache
def _read(path: str) -> bytes:
    return (viewer_directory() / path).read_bytes()
