"""The pages that people see, and the files these are made of.

The files lie in memory under their exact names: whatever a request's path says, it finds one of
them or none.
"""

from typing import Final, cast

from quart import Blueprint, Quart, Response, current_app, request

from relayd.routes.pages.about import Facts
from relayd.routes.pages.website import File, Website, webui_directory
from relayd.routes.toolkit.description import undescribed
from relayd.routes.toolkit.forms import encode
from relayd.routes.toolkit.protection import exempt
from relayd.routes.toolkit.security_headers import page_policy
from relayd.routes.toolkit.wiring import wiring

__all__ = ["install", "not_found", "wants_page"]

blueprint = Blueprint("pages", __name__)

_EXTENSION: Final = "relayd.pages"

_FOR_EVER: Final = "public, max-age=31536000, immutable"
# Kept, but asked about each time.
_ASK: Final = "no-cache"


@blueprint.get("/")
@exempt("public and constant")
@undescribed("a page")
async def landing() -> Response:
    """What this is: a page for people, a few facts for programs."""
    if wants_page():
        return _page("index")
    facts = encode(Facts.of(wiring().services))
    response = Response(facts, content_type="application/json")
    response.vary.add("Accept")
    return response


# One document with several views: going from one to another needs no new access token.
@blueprint.get("/register")
@blueprint.get("/signin")
@blueprint.get("/dashboard")
@blueprint.get("/keys")
@blueprint.get("/account")
@blueprint.get("/operator")
@blueprint.get("/forgotten")
@blueprint.get("/reset")
@blueprint.get("/proof")
@blueprint.get("/billing/success")
@blueprint.get("/billing/cancel")
@exempt("public and constant; what is in it is asked for with a token")
@undescribed("a page")
async def app_page() -> Response:
    """The dashboard and what belongs to it."""
    return _page("app")


@blueprint.get("/docs")
@exempt("public and constant")
@undescribed("a page")
async def docs() -> Response:
    """The interface as /openapi.json describes it, to be read and tried out."""
    return _page("docs")


@blueprint.get("/favicon.ico")
@exempt("public and constant")
@undescribed("a file of a page")
async def icon() -> Response:
    """Where browsers look that show something without a head of its own, such as JSON."""
    return _answer(_website().assets["icon.svg"], _ASK)


@blueprint.get("/assets/<version>/<path:name>")
@exempt("public and constant")
@undescribed("a file of a page")
async def asset(version: str, name: str) -> Response:
    """A file of the pages.

    A page that was loaded before an upgrade gets the new file, but doesn't keep it.
    """
    website = _website()
    file = website.assets.get(name)
    if file is None:
        return not_found()
    return _answer(file, _FOR_EVER if version == website.digest else _ASK)


def install(app: Quart) -> None:
    """Read the files, once for a process, and serve them from this app."""
    app.extensions[_EXTENSION] = Website.load(webui_directory())
    app.register_blueprint(blueprint)


def _website() -> Website:
    return cast("Website", current_app.extensions[_EXTENSION])


def wants_page() -> bool:
    """Whether a person asks: a browser's navigation names text/html, and programs don't."""
    return request.accept_mimetypes.quality("text/html") > request.accept_mimetypes.quality(
        "application/json"
    )


def not_found() -> Response:
    """The page for an address where there is nothing."""
    return _page("404", 404)


def _page(name: str, status: int = 200) -> Response:
    response = _answer(_website().pages[name], _ASK, status)
    response.headers["Content-Security-Policy"] = page_policy(wiring().services.own_origins)
    response.vary.add("Accept")
    return response


def _answer(file: File, cache: str, status: int = 200) -> Response:
    squeezed = file.squeezed is not None and request.accept_encodings.quality("gzip") > 0
    # A strong tag names the bytes, and those of the two encodings differ.
    etag = f"{file.etag}-gz" if squeezed else file.etag
    if status == 200 and request.if_none_match.contains(etag):  # noqa: PLR2004 - OK
        response = Response(b"", status=304)
        response.headers.pop("Content-Type", None)
    else:
        body = file.squeezed if squeezed else file.body
        response = Response(body, status=status, content_type=file.content_type)
        if squeezed:
            response.headers["Content-Encoding"] = "gzip"
    response.set_etag(etag)
    response.headers["Cache-Control"] = cache
    if file.squeezed is not None:
        response.vary.add("Accept-Encoding")
    return response
