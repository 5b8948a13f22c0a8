"""How a test outside of this process plays customers, sellers, banks and the postman.

POST with a JSON object, answered by the object that changed:

/control/delivery {manner, types?}   /control/release {}   /control/redeliver {event?}
/control/webhook {url, secret?}      /control/whim {fault, request?}
/control/sessions/<id>/{pay,decline,pay_later,succeed,fail,expire} {}
/control/sessions/<id>/refund {amount?, status?}
/control/sessions/<id>/dispute {amount?, inquiry?}
/control/refunds/<id>/{succeeded,failed,canceled} {}
/control/disputes/<id>/{withdraw,reinstate,respond,won,lost,warning_closed} {}

GET /control/state: all objects, events and delivery attempts.
"""

import json
from typing import Any

import attrs

from tests.stripe_standin.api import Answer, Api, Fault, Whim
from tests.stripe_standin.disputes import CLOSED
from tests.stripe_standin.postman import Manner, Postman
from tests.stripe_standin.problems import ApiError
from tests.stripe_standin.shapes import Json

__all__ = ["Control"]

_ON_SESSIONS = {"pay", "decline", "pay_later", "succeed", "fail", "expire"}


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
            return _answer(200, value)
        except ApiError as error:
            return _answer(error.status, error.body("req_control"))
        except (KeyError, TypeError, ValueError) as error:
            return _answer(400, {"error": {"message": f"not understood: {error!r}"}})

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
            case [kind, key, action]:
                return self._play(kind, key, action, params)
        raise ApiError(404, "There is no such lever.")

    def _play(self, kind: str, key: str, action: str, params: dict[str, Any]) -> Json:
        account = self.api.account
        changed: Json
        if kind == "sessions" and action in _ON_SESSIONS:
            changed = getattr(account.checkout, action)(key)
            return changed
        if kind == "sessions" and action == "refund":
            return account.refund(key, **params)
        if kind == "sessions" and action == "dispute":
            return account.dispute(key, **params)
        if kind == "refunds":
            return account.refunds.turn(key, action)
        if kind == "disputes" and action in CLOSED:
            return account.disputes.close(key, action)
        if kind == "disputes" and action in {"withdraw", "reinstate", "respond"}:
            changed = getattr(account.disputes, action)(key)
            return changed
        raise ApiError(404, "There is no such lever.")

    def _state(self) -> Json:
        tables = self.api.account.records.tables
        return {
            "sessions": list(tables["cs"].values()),
            "refunds": list(tables["re"].values()),
            "disputes": list(tables["dp"].values()),
            "customers": list(tables["cus"].values()),
            "events": list(tables["evt"].values()),
            "lost": [one["id"] for one in self.postman.lost],
            "attempts": [attrs.asdict(one) for one in self.postman.attempts],
        }


def _answer(status: int, value: Json) -> Answer:
    return Answer(status, {"Content-Type": "application/json"}, json.dumps(value).encode())
