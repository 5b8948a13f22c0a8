"""The HTTP application: blueprints, limits, and one shape for every refusal."""

from types import TracebackType
from typing import Final

from quart import Quart, Response, has_websocket_context, request
from quart_trio import QuartTrio
from werkzeug.exceptions import HTTPException, InternalServerError

from relayd import logs
from relayd.errors import DatabaseUnavailable
from relayd.routes import (
    accounts,
    browser_sessions,
    events,
    health,
    pages,
    purchases,
    reference,
    stream,
    webhooks,
)
from relayd.routes.about import facts
from relayd.routes.body_limits import LimitedRequest
from relayd.routes.cross_origin import allow, answer_preflight
from relayd.routes.probe import Probe
from relayd.routes.problems import UNAVAILABLE, Problem, answer
from relayd.routes.protection import protection_of
from relayd.routes.security_headers import harden
from relayd.routes.website import Website, webui_directory
from relayd.routes.wiring import EXTENSION, Services, Wiring

__all__ = ["create_app"]

log = logs.get(__name__)

# The largest JSON body any route takes is a few hundred bytes.
_BODY_BYTES_MAX: Final = 64 * 1024
_BODY_SECONDS: Final = 10
# Answers are small: a client that can't take one in this time is not reading.
_ANSWER_SECONDS: Final = 30
# Database outages are mostly restarts.
_OUTAGE_RETRY_SECONDS: Final = 5


class Application(QuartTrio):
    """Quart-Trio, logging unexpected exceptions the way the rest of relayd does."""

    request_class = LimitedRequest

    def log_exception(
        self,
        exception_info: tuple[type, BaseException, TracebackType] | tuple[None, None, None],
    ) -> None:
        """One ERROR with the traceback. The path is not logged: it is the client's text."""
        error = exception_info[1]
        assert error is not None
        log.fault("unexpected exception in a route", error, endpoint=_endpoint())


def create_app(services: Services) -> QuartTrio:
    """The application; every route in it is authenticated, rate-limited or exempt."""
    app = Application("relayd", static_folder=None)
    app.config.update(
        MAX_CONTENT_LENGTH=_BODY_BYTES_MAX,
        BODY_TIMEOUT=_BODY_SECONDS,
        RESPONSE_TIMEOUT=_ANSWER_SECONDS,
        # Even under test: what leaves a route is answered here and never raised into the server.
        PROPAGATE_EXCEPTIONS=False,
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]
    # No redirects to a spelling with or without a slash: they would be HTML, and not every
    # client sends its body again.
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    app.extensions[EXTENSION] = Wiring(
        services=services,
        probe=Probe(services.database.probe),
        website=Website.load(webui_directory()),
        facts=facts(services),
    )
    for module in (
        pages,
        browser_sessions,
        events,
        accounts,
        purchases,
        health,
        reference,
        stream,
        webhooks,
    ):
        app.register_blueprint(module.blueprint)
    _answer_refusals(app)

    @app.before_request
    async def preflight() -> Response | None:
        return answer_preflight(services.origins)

    @app.after_request
    async def hardened(response: Response) -> Response:
        return allow(harden(response, services.own_origins), services.origins)

    _refuse_unprotected(app)
    return app


def _answer_refusals(app: Quart) -> None:
    @app.errorhandler(HTTPException)
    async def refused(error: HTTPException) -> Response:
        lost = error.code == 404 and not isinstance(error, Problem)  # noqa: PLR2004 - not found
        if lost and not has_websocket_context() and pages.wants_page():
            return pages.not_found()
        return answer(error)

    @app.errorhandler(InternalServerError)
    async def failed(error: InternalServerError) -> Response:
        return answer(error)

    @app.errorhandler(DatabaseUnavailable)
    async def unavailable(error: DatabaseUnavailable) -> Response:
        log.warning("request refused, no database", endpoint=_endpoint(), error=str(error))
        return answer(UNAVAILABLE.problem(retry_after_seconds=_OUTAGE_RETRY_SECONDS))


def _refuse_unprotected(app: Quart) -> None:
    open_views = [
        rule.rule
        for rule in app.url_map.iter_rules()
        if protection_of(app.view_functions[rule.endpoint]) is None
    ]
    if open_views:
        raise AssertionError(f"routes without protection: {', '.join(open_views)}")


def _endpoint() -> str | None:
    return "websocket" if has_websocket_context() else request.endpoint
