"""The OpenAPI document of an application, made of what its views say about themselves.

Pure. Read from the map of routes that serves the requests, so that a path or a method in it can't
be wrong; what a protection or a JSON body brings is added here, once for all views.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import attrs
from werkzeug.routing import Map, Rule

from relayd import __version__
from relayd.routes.bodies import INVALID_FIELD, MALFORMED_JSON, MISSING_FIELD
from relayd.routes.description import Answer, Body, Description, Link, Topic, description_of
from relayd.routes.problems import (
    BODY_TIMEOUT,
    BODY_TOO_LARGE,
    INTERNAL_ERROR,
    UNAVAILABLE,
    UNSUPPORTED_MEDIA_TYPE,
    Refusal,
)
from relayd.routes.protection import AUTH_FAILED, RATE_LIMITED, Protection, View, protection_of
from relayd.routes.shapes import Schema, Shape, example, integer, text

__all__ = ["document", "operation_id", "refusals"]

_BODY: Final = (
    MALFORMED_JSON,
    BODY_TIMEOUT,
    BODY_TOO_LARGE,
    UNSUPPORTED_MEDIA_TYPE,
    INVALID_FIELD,
)
_REFUSED: Final = Shape(
    "Refused",
    "Every refusal has this form.",
    {
        "error": Shape(
            "Error",
            "Why, for programs and for people.",
            {
                "code": text("Stable; programs match it.", "auth_failed", minLength=1),
                "message": text("What to do, for a person.", "Sign in again.", minLength=1),
            },
        )
    },
)
_RETRY_AFTER: Final = integer("Seconds until another try makes sense.", 5, minimum=1)
_CHALLENGE: Final = text("How to authenticate (RFC 6750).", 'Bearer realm="relayd"')
_SCHEMES: Final[Mapping[str, Schema]] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The `token` of a sign-in, never in a URL.",
    },
    "browser": {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-relayd",
        "description": "The refresh token of a browser session; no script can read it.",
    },
}
_ABOUT: Final = """\
A metered relay between apps and a speech-to-text engine: accounts, credit and what was used.

A refusal is `{"error": {"code", "message"}}` with the right status; programs match the code. Each
operation lists its own. Beyond those, an address that doesn't exist answers 404 `not_found`, a
method that an address doesn't take 405 `method_not_allowed` with `Allow`. A request that is not
HTTP, or whose head or body is beyond all measure, is refused before that with an empty answer.

Live audio goes over a WebSocket, `GET /ws/transcribe`, for which OpenAPI has no words: its
messages are described at `/docs#websocket`. Pages for people are not listed here.
"""


def document(url_map: Map, views: Mapping[str, View], repository_url: str = "") -> dict[str, Any]:
    """The whole, ready for JSON; with ``repository_url`` it leads to the protocol's page."""
    book = _Book()
    paths: dict[str, dict[str, Any]] = {}
    for rule, method, view, description in _operations(url_map, views):
        operation = _operation(book, rule, view, description)
        paths.setdefault(_path(rule), {})[method.lower()] = operation
    book.enter(_REFUSED)
    elsewhere = {"url": repository_url, "description": "The source, with docs/protocol.md"}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "relayd",
            "version": __version__,
            "description": _ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        **({"externalDocs": elsewhere} if repository_url else {}),
        "servers": [{"url": "/"}],
        "tags": [{"name": topic.title, "description": topic.about} for topic in Topic],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(book.shapes.items())),
            "securitySchemes": _SCHEMES,
        },
    }


def operation_id(endpoint: str) -> str:
    """The name of an operation, from the blueprint and the view."""
    return endpoint.replace(".", "_")


def refusals(view: View, description: Description) -> tuple[Refusal, ...]:
    """All of a view: its own, and those of its protection and its body."""
    found = list(description.refuses)
    protection = protection_of(view)
    if protection is Protection.AUTHENTICATED:
        found += [AUTH_FAILED, UNAVAILABLE]
    if protection is Protection.RATE_LIMITED:
        found.append(RATE_LIMITED)
    if description.takes is not None and description.takes.parsed:
        found += _BODY
        shape = description.takes.shape
        if isinstance(shape, Shape) and shape.required:
            found.append(MISSING_FIELD)
    found.append(INTERNAL_ERROR)
    return tuple(dict.fromkeys(found))


@attrs.define(eq=False)
class _Book:
    """The named shapes met so far, by their names."""

    shapes: dict[str, Any] = attrs.field(factory=dict)
    _known: dict[str, Shape] = attrs.field(factory=dict)

    def enter(self, schema: Schema | Shape) -> dict[str, Any]:
        """A schema for the document, its shapes as references."""
        if isinstance(schema, Shape):
            return self._refer(schema)
        entered = dict(schema)
        if "items" in entered:
            entered["items"] = self.enter(entered["items"])
        return entered

    def _refer(self, shape: Shape) -> dict[str, Any]:
        known = self._known.setdefault(shape.name, shape)
        assert known is shape, f"two shapes are called {shape.name}"
        if shape.name not in self.shapes:
            self.shapes[shape.name] = {
                "type": "object",
                "description": shape.about,
                "properties": {name: self.enter(field) for name, field in shape.fields.items()},
                "required": shape.required,
            }
        return {"$ref": f"#/components/schemas/{shape.name}"}


def _operations(
    url_map: Map, views: Mapping[str, View]
) -> Iterator[tuple[Rule, str, View, Description]]:
    described = []
    for rule in url_map.iter_rules():
        view = views[rule.endpoint]
        description = description_of(view)
        if description is not None:
            methods = (rule.methods or set()) - {"HEAD", "OPTIONS"}
            described += [(rule, method, view, description) for method in sorted(methods)]
    topics = list(Topic)
    # By chapter, then as the routes were registered.
    return iter(sorted(described, key=lambda one: topics.index(one[3].topic)))


def _operation(book: _Book, rule: Rule, view: View, description: Description) -> dict[str, Any]:
    summary = (view.__doc__ or "").strip().partition("\n")[0].removesuffix(".")
    assert summary, f"{rule.endpoint} has no docstring to be its summary"
    operation: dict[str, Any] = {
        "operationId": operation_id(rule.endpoint),
        "tags": [description.topic.title],
        "summary": summary,
    }
    if description.more:
        operation["description"] = description.more
    operation["security"] = _security(view, description)
    parameters = _parameters(description)
    if parameters:
        operation["parameters"] = parameters
    if description.takes is not None:
        operation["requestBody"] = _request_body(book, description.takes)
    answers = {str(status): _answer(book, answer) for status, answer in description.gives.items()}
    operation["responses"] = answers | _refused(answers, refusals(view, description))
    return operation


def _security(view: View, description: Description) -> list[dict[str, list[str]]]:
    schemes = description.schemes
    if schemes is None:
        schemes = ("bearer",) if protection_of(view) is Protection.AUTHENTICATED else ()
    return [{scheme: []} if scheme else {} for scheme in schemes]


def _parameters(description: Description) -> list[dict[str, Any]]:
    places = {"path": description.path, "query": description.query, "header": description.headers}
    return [
        {
            "name": name,
            "in": place,
            "required": True,
            "description": schema["description"],
            "schema": schema,
        }
        for place, schemas in places.items()
        for name, schema in schemas.items()
    ]


def _request_body(book: _Book, body: Body) -> dict[str, Any]:
    return {"required": body.required, "content": _json(book, body.shape)}


def _json(
    book: _Book, schema: Shape | Schema, content_type: str = "application/json"
) -> dict[str, Any]:
    return {content_type: {"schema": book.enter(schema), "example": example(schema)}}


def _answer(book: _Book, answer: Answer) -> dict[str, Any]:
    made: dict[str, Any] = {"description": answer.what}
    if answer.headers:
        made["headers"] = _headers(answer.headers)
    if answer.shape is not None:
        made["content"] = _json(book, answer.shape, answer.content_type)
    if answer.links:
        made["links"] = {name: _link(name, link) for name, link in answer.links.items()}
    return made


def _link(name: str, link: Link) -> dict[str, Any]:
    made: dict[str, Any] = {"operationId": name}
    if link.path:
        made["parameters"] = link.path
    if link.body:
        made["requestBody"] = link.body
    return made


def _refused(answers: Mapping[str, Any], found: Sequence[Refusal]) -> dict[str, Any]:
    made = {}
    for status in sorted({one.status for one in found}):
        same = [one for one in found if one.status == status]
        # A monitor's 503 is an answer of its own.
        if str(status) not in answers:
            made[str(status)] = _refused_with(same)
    return made


def _refused_with(found: Sequence[Refusal]) -> dict[str, Any]:
    codes = {"error": {"properties": {"code": {"enum": [one.code for one in found]}}}}
    reference = {"$ref": f"#/components/schemas/{_REFUSED.name}"}
    made: dict[str, Any] = {
        "description": " ".join(one.message for one in found),
        "content": {
            "application/json": {
                "schema": {"allOf": [reference, {"properties": codes}]},
                "examples": {
                    one.code: {"value": {"error": {"code": one.code, "message": one.message}}}
                    for one in found
                },
            }
        },
    }
    headers: dict[str, Schema] = {}
    if any(one.retries for one in found):
        headers["Retry-After"] = _RETRY_AFTER
    if any(one.challenge for one in found):
        headers["WWW-Authenticate"] = _CHALLENGE
    if headers:
        always = all(one.retries or one.challenge for one in found)
        made["headers"] = _headers(headers, required=always)
    return made


def _headers(headers: Mapping[str, Schema], *, required: bool = True) -> dict[str, Any]:
    return {
        name: {"required": required, "description": schema["description"], "schema": schema}
        for name, schema in headers.items()
    }


def _path(rule: Rule) -> str:
    return re.sub(r"<(?:[^:>]+:)?([^>]+)>", r"{\1}", rule.rule)
