"""The stand-in over HTTP: the API, the hosted page and the levers on one port of loopback.

How a test outside of this process plays customers, sellers, banks and the postman.

POST with a JSON object, answered by the object that changed:

/control/delivery {manner, types?}   /control/release {}   /control/redeliver {event?}
/control/webhook {url, secret?}      /control/whim {fault, request?}
/control/sessions/<id>/{pay,decline,pay_later,succeed,fail,expire} {}
/control/{sessions,invoices}/<id>/refund {amount?, status?}
/control/{sessions,invoices}/<id>/dispute {amount?, inquiry?}
/control/prices {amount, currency?, key?}
/control/subscriptions/<id>/renew {paid?}   /control/subscriptions/<id>/end {}
/control/invoices/<id>/retry {paid}  /control/invoices/<id>/{give_up,void} {}
/control/refunds/<id>/{succeeded,failed,canceled} {}
/control/disputes/<id>/{withdraw,reinstate,respond,won,lost,warning_closed} {}

GET /control/state: all objects, events and delivery attempts.
"""

import json
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import attrs
import h11
import trio

from tests.stripe_standin.account import CLOSED, Account
from tests.stripe_standin.api import Answer, Api, Fault, Whim
from tests.stripe_standin.pages import PORTAL, RECEIPTS, answer_page
from tests.stripe_standin.postman import Manner, Postman
from tests.stripe_standin.requests import ApiError
from tests.stripe_standin.shapes import Json

__all__ = ["Control", "StandInStripe"]

Play = Callable[..., Json]

_BODY_MAX: Final = 2**20
_IDLE_SECONDS: Final = 60
_SENDING_SECONDS: Final = 10
_RECURRING = {"subscriptions": {"renew", "end"}, "invoices": {"retry", "give_up", "void"}}
_ON_SESSIONS = {"pay", "decline", "pay_later", "succeed", "fail", "expire"}


@attrs.define(eq=False)
class StandInStripe:
    """A Stripe of one's own; ``url`` is known once `serve` has started. Make it inside of Trio."""

    account: Account = attrs.field(factory=Account)
    key: str = "sk_test_standin"
    url: str = ""
    api: Api = attrs.field(init=False)
    postman: Postman = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.api = Api(self.account, self.key)
        self.postman = Postman(self.account.records)

    async def serve(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Listen and deliver until cancelled; starts with the address it got."""
        listeners = await trio.open_tcp_listeners(port, host=host)
        self.url = f"http://{host}:{listeners[0].socket.getsockname()[1]}"
        self.account.records.pages_url = self.url
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.postman.run)
            nursery.start_soon(trio.serve_listeners, self._serve, listeners)
            task_status.started(self.url)

    def answer(
        self, method: str, target: str, headers: dict[str, str], body: bytes
    ) -> Answer | None:
        """One request, without any socket; None cuts the connection."""
        path = target.partition("?")[0]
        if path.startswith(("/pay/", PORTAL, RECEIPTS)):
            return answer_page(self.account, method, path)
        if path.startswith("/control/"):
            return Control(self.api, self.postman).answer(method, path, body)
        return self.api.answer(method, target, headers, body)

    async def _serve(self, stream: trio.abc.Stream) -> None:
        """One connection, kept alive; whatever its peer does, this returns."""
        connection = h11.Connection(h11.SERVER)
        try:
            while await self._serve_request(stream, connection):
                connection.start_next_cycle()
        except (h11.ProtocolError, trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # The peer went away, or speaks no HTTP: nothing to answer.
        finally:
            await trio.aclose_forcefully(stream)

    async def _serve_request(self, stream: trio.abc.Stream, connection: h11.Connection) -> bool:
        """Answer one request; whether another may follow."""
        request: h11.Request | None = None
        body = bytearray()
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                with trio.move_on_after(_IDLE_SECONDS) as idle:
                    connection.receive_data(bytes(await stream.receive_some(65_536)))
                if idle.cancelled_caught:
                    return False
            elif isinstance(event, h11.Request):
                request = event
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > _BODY_MAX:
                    return False
            elif isinstance(event, h11.EndOfMessage):
                break
            else:
                return False
        assert request is not None
        headers = {name.decode(): value.decode("latin-1") for name, value in request.headers}
        answer = self.answer(request.method.decode(), request.target.decode(), headers, bytes(body))
        if answer is None:
            return False
        with trio.fail_after(_SENDING_SECONDS):
            await stream.send_all(_encoded(connection, answer))
        return connection.our_state is h11.DONE and connection.their_state is h11.DONE


def _encoded(connection: h11.Connection, answer: Answer) -> bytes:
    headers = [(name.encode(), value.encode()) for name, value in answer.headers.items()]
    headers.append((b"Content-Length", str(len(answer.body)).encode()))
    reason = b"See Other" if answer.status == 303 else b""
    parts = (
        h11.Response(status_code=answer.status, headers=headers, reason=reason),
        h11.Data(data=answer.body),
        h11.EndOfMessage(),
    )
    return b"".join(connection.send(part) or b"" for part in parts)


@attrs.frozen
class Control:
    """The levers of a stand-in."""

    api: Api
    postman: Postman

    def answer(self, method: str, path: str, body: bytes) -> Answer:
        """Pull one; a 4xx says what was wrong with it."""
        names = path.split("/")[2:]
        try:
            params = json.loads(body or b"{}")
            value = self._state() if method == "GET" else self._pull(names, params)
            return _told(200, value)
        except ApiError as error:
            return _told(error.status, error.body("req_control"))
        except (KeyError, TypeError, ValueError) as error:
            return _told(400, {"error": {"message": f"not understood: {error!r}"}})

    def _pull(self, names: list[str], params: dict[str, Any]) -> Json:
        match names:
            case ["delivery"]:
                manner = Manner(params["manner"])
                if "types" in params:
                    self.postman.manners |= dict.fromkeys(params["types"], manner)
                else:
                    self.postman.manner = manner
                    self.postman.manners.clear()
                return {}
            case ["release"]:
                self.postman.release()
                return {}
            case ["redeliver"]:
                return {"events": self.postman.redeliver(params.get("event"))}
            case ["webhook"]:
                self.postman.url = params["url"]
                self.postman.secret = params.get("secret", self.postman.secret)
                return {}
            case ["whim"]:
                whim = Whim(Fault(params["fault"]), params.get("request", ""))
                self.api.whims.append(whim)
                return {}
        return self._play(names, params)

    def _play(self, named: list[str], params: dict[str, Any]) -> Json:
        """What people, sellers and banks do."""
        account = self.api.account
        played: Play | None = None
        match named:
            case ["prices"]:
                return account.subscriptions.price(**params)
            case ["sessions", _, action] if action in _ON_SESSIONS:
                played = getattr(account.checkout, action)
            case ["sessions" | "invoices", _, ("refund" | "dispute") as action]:
                played = getattr(account, action)
            case ["subscriptions" | "invoices" as kind, _, action] if action in _RECURRING[kind]:
                played = getattr(account.subscriptions, action)
            case ["refunds", _, status]:
                played = partial(account.refunds.turn, status=status)
            case ["disputes", _, status] if status in CLOSED:
                played = partial(account.disputes.close, status=status)
            case ["disputes", _, "withdraw" | "reinstate" | "respond" as action]:
                played = getattr(account.disputes, action)
        if played is None:
            raise ApiError(404, "There is no such lever.")
        return played(named[1], **params)

    def _state(self) -> Json:
        tables = self.api.account.records.tables
        return {
            "sessions": list(tables["cs"].values()),
            "refunds": list(tables["re"].values()),
            "disputes": list(tables["dp"].values()),
            "customers": list(tables["cus"].values()),
            "subscriptions": list(tables["sub"].values()),
            "invoices": list(tables["in"].values()),
            "events": list(tables["evt"].values()),
            "lost": [one["id"] for one in self.postman.lost],
            "attempts": [attrs.asdict(one) for one in self.postman.attempts],
        }


def _told(status: int, value: Json) -> Answer:
    return Answer(status, {"Content-Type": "application/json"}, json.dumps(value).encode())
