"""The HTTP application: blueprints, limits, and one shape for every refusal."""

from types import TracebackType
from typing import Final

from quart import Quart, Response, has_websocket_context, request
from quart_trio import QuartTrio
from werkzeug.exceptions import HTTPException, InternalServerError

from relayd import logs
from relayd.edge.body import BodyRules
from relayd.errors import DatabaseUnavailable
from relayd.routes.pages import views as pages
from relayd.routes.toolkit.body_policy import BodyPolicies
from relayd.routes.toolkit.cross_origin import allow, answer_preflight
from relayd.routes.toolkit.description import body_policy_of
from relayd.routes.toolkit.plan_headers import announced
from relayd.routes.toolkit.probe import Probe
from relayd.routes.toolkit.problems import (
    UNAVAILABLE,
    Problem,
    answer,
    body_too_large,
    encoded_refusal,
)
from relayd.routes.toolkit.protection import protection_of
from relayd.routes.toolkit.security_headers import harden
from relayd.routes.toolkit.wiring import EXTENSION, Services, Wiring, wiring
from relayd.routes.views import health, operator, reference, stream
from relayd.routes.views.accounts import addresses, auth, browser_sessions, events, second_factor
from relayd.routes.views.billing import plan, purchases, webhooks
from relayd.routes.views.v1 import accounts as v1_accounts
from relayd.routes.views.v1 import admin as v1_admin
from relayd.routes.views.v1 import by_hand, stats
from relayd.routes.views.v1 import keys as v1_keys
from relayd.routes.views.v1 import subscriptions as v1_subscriptions
from relayd.routes.views.v1.recordings import (
    direct_uploads,
    progress,
    transcribing,
    transcriptions,
    uploads,
)
from relayd.routes.views.v1.recordings import webhooks as v1_webhooks

__all__ = ["Application", "create_app"]

log = logs.get(__name__)

# Answers are small: a client that can't take one in this time is not reading.
_ANSWER_SECONDS: Final = 30
# Database outages are mostly restarts.
_OUTAGE_RETRY_SECONDS: Final = 5


class Application(QuartTrio):
    """Quart-Trio with bodies bounded by their routes, and logging as the rest of relayd does."""

    def __init__(self) -> None:
        super().__init__("relayd", static_folder=None)
        self.body_policies = BodyPolicies(self.url_map, self.view_functions, body_policy_of)
        self.request_class = self.body_policies.request_class()

    @property
    def body_rules(self) -> BodyRules:
        """What the edge needs to know of bodies before it reads one."""
        return BodyRules(self.body_policies.of, lambda most: encoded_refusal(body_too_large(most)))

    def log_exception(
        self,
        exception_info: tuple[type, BaseException, TracebackType] | tuple[None, None, None],
    ) -> None:
        """One ERROR with the traceback. The path is not logged: it is the client's text."""
        error = exception_info[1]
        assert error is not None
        log.fault("unexpected exception in a route", error, endpoint=_endpoint())


def create_app(services: Services) -> Application:
    """The application; every route in it is authenticated, rate-limited or exempt."""
    app = Application()
    app.config.update(
        RESPONSE_TIMEOUT=_ANSWER_SECONDS,
        # Even under test: what leaves a route is answered here and never raised into the server.
        PROPAGATE_EXCEPTIONS=False,
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]
    # No redirects to a spelling with or without a slash: they would be HTML, and not every
    # client sends its body again.
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    app.extensions[EXTENSION] = Wiring(services=services, probe=Probe(services.database.probe))
    pages.install(app)
    for module in (
        browser_sessions,
        events,
        auth,
        addresses,
        second_factor,
        purchases,
        operator,
        health,
        plan,
        reference,
        stream,
        webhooks,
        v1_accounts,
        transcribing,
        uploads,
        transcriptions,
        stats,
        progress,
        v1_webhooks,
        v1_subscriptions,
        v1_admin,
        by_hand,
        v1_keys,
        direct_uploads,
    ):
        app.register_blueprint(module.blueprint)
    _answer_refusals(app)

    @app.before_request
    async def preflight() -> Response | None:
        return answer_preflight(wiring().services.origins)

    @app.after_request
    async def hardened(response: Response) -> Response:
        own = wiring().services
        return allow(announced(harden(response, own.own_origins)), own.origins)

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
