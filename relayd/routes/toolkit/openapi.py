"""The OpenAPI document of an application, made of what its views say about themselves.

Pure. Read from the map of routes that serves the requests, so that a path or a method in it can't
be wrong; what a protection or a JSON body brings is added here, once for all views.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta
from werkzeug.routing import Map, Rule

from relayd import __version__
from relayd.keys.spelling import Spelling
from relayd.routes.toolkit.bodies import INVALID_FIELD, MALFORMED_JSON, MISSING_FIELD
from relayd.routes.toolkit.description import (
    Answer,
    Body,
    Description,
    ResponseLink,
    Topic,
    description_of,
)
from relayd.routes.toolkit.forms import told
from relayd.routes.toolkit.problems import (
    BODY_TIMEOUT,
    BODY_TOO_LARGE,
    INTERNAL_ERROR,
    UNAVAILABLE,
    UNSUPPORTED_MEDIA_TYPE,
    Refusal,
    RefusedAnswer,
)
from relayd.routes.toolkit.protection import (
    AUTH_FAILED,
    MISSING_SCOPE,
    RATE_LIMITED,
    SIGN_IN_NEEDED,
    Protection,
    View,
    protection_of,
    scope_of,
)
from relayd.routes.toolkit.schemas import Schema, Schemas, schema_of
from relayd.routes.toolkit.sites import OTHER_SITE

__all__ = ["document", "operation_id", "refusals"]

_BODY: Final = (
    MALFORMED_JSON,
    BODY_TIMEOUT,
    BODY_TOO_LARGE,
    UNSUPPORTED_MEDIA_TYPE,
    INVALID_FIELD,
)
_RETRY_AFTER: Final = schema_of(
    Annotated[int, Meta(ge=1), told("Seconds until another try makes sense.", 5)]
)
_CHALLENGE: Final = schema_of(
    Annotated[str, told("How to authenticate (RFC 6750).", 'Bearer realm="relayd"')]
)
_SCHEMES: Final[Mapping[str, Schema]] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The `token` of a sign-in, never in a URL.",
    },
    "key": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key, never in a URL.",
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


def document(
    url_map: Map, views: Mapping[str, View], spelling: Spelling, repository_url: str = ""
) -> dict[str, Any]:
    """The whole, ready for JSON; with ``repository_url`` it leads to the protocol's page.

    ``spelling``: how keys are written here.
    """
    operations = _operations(url_map, views)
    schemas = Schemas.of(_forms(description for *_, description in operations))
    paths: dict[str, dict[str, Any]] = {}
    for rule, method, view, description in operations:
        operation = _operation(schemas, rule, view, description)
        paths.setdefault(_path(rule), {})[method.lower()] = operation
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
            "schemas": schemas.components,
            "securitySchemes": {
                **_SCHEMES,
                "key": {**_SCHEMES["key"], "bearerFormat": spelling.pattern},
            },
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
        found += [AUTH_FAILED, RATE_LIMITED, UNAVAILABLE]
        found.append(SIGN_IN_NEEDED if scope_of(view) is None else MISSING_SCOPE)
    if protection is Protection.RATE_LIMITED and description.schemes == ("bearer",):
        found.append(SIGN_IN_NEEDED)
    if protection is Protection.RATE_LIMITED:
        found += [RATE_LIMITED, OTHER_SITE]
    if description.takes is not None and description.takes.parsed:
        found += _BODY
        form = description.takes.form
        if form is not None and any(one.required for one in msgspec.structs.fields(form)):
            found.append(MISSING_FIELD)
    found.append(INTERNAL_ERROR)
    return tuple(dict.fromkeys(found))


def _forms(descriptions: Iterable[Description]) -> Iterator[Any]:
    """Every type that goes in or out somewhere."""
    yield RefusedAnswer
    for description in descriptions:
        if description.takes is not None and description.takes.form is not None:
            yield description.takes.form
            yield from description.takes.also.values()
        yield from (answer.form for answer in description.gives.values() if answer.form is not None)


def _operations(
    url_map: Map, views: Mapping[str, View]
) -> list[tuple[Rule, str, View, Description]]:
    described = []
    for rule in url_map.iter_rules():
        view = views[rule.endpoint]
        description = description_of(view)
        if description is not None:
            methods = (rule.methods or set()) - {"HEAD", "OPTIONS"}
            described += [(rule, method, view, description) for method in sorted(methods)]
    topics = list(Topic)
    # By chapter, then as the routes were registered.
    return sorted(described, key=lambda one: topics.index(one[3].topic))


def _operation(
    schemas: Schemas, rule: Rule, view: View, description: Description
) -> dict[str, Any]:
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
        operation["requestBody"] = _request_body(schemas, description.takes)
    answers = {
        str(status): _answer(schemas, answer) for status, answer in description.gives.items()
    }
    operation["responses"] = answers | _refused(answers, refusals(view, description))
    return operation


def _security(view: View, description: Description) -> list[dict[str, list[str]]]:
    scope = scope_of(view)
    if scope is not None:
        # An HTTP scheme lists what its holder must be allowed (OpenAPI 3.1, 4.8.30).
        return [{"bearer": []}, {"key": [scope.value]}]
    schemes = description.schemes
    if schemes is None:
        schemes = ("bearer",) if protection_of(view) is Protection.AUTHENTICATED else ()
    return [{scheme: []} if scheme else {} for scheme in schemes]


def _parameters(description: Description) -> list[dict[str, Any]]:
    places = (
        ("path", True, description.path),
        ("header", True, description.headers),
        ("header", False, description.may_have),
        ("query", False, description.query),
    )
    return [
        _parameter(name, place, schema_of(kind), required=required)
        for place, required, kinds in places
        for name, kind in kinds.items()
    ]


def _parameter(name: str, place: str, schema: Schema, *, required: bool) -> dict[str, Any]:
    about = {"description": schema["description"], "schema": schema}
    return {"name": name, "in": place, "required": required, **about}


def _request_body(schemas: Schemas, body: Body) -> dict[str, Any]:
    if body.form is None:
        raw = {"schema": {"type": "string", "format": "binary"}}
        return {"required": body.required, "content": {body.content_type: raw}}
    content = _content(schemas, body.form, body.content_type)
    for content_type, form in body.also.items():
        content |= _content(schemas, form, content_type)
    return {"required": body.required, "content": content}


def _content(schemas: Schemas, form: Any, content_type: str) -> dict[str, Any]:
    schema = schemas[form]
    return {content_type: {"schema": schema, "example": schemas.example(schema)}}


def _answer(schemas: Schemas, answer: Answer) -> dict[str, Any]:
    made: dict[str, Any] = {"description": answer.what}
    if answer.form is not None:
        made["content"] = _content(schemas, answer.form, answer.content_type)
    if answer.headers:
        made["headers"] = _headers({name: schema_of(one) for name, one in answer.headers.items()})
    if answer.links:
        made["links"] = {name: _link(name, link) for name, link in answer.links.items()}
    return made


def _link(name: str, link: ResponseLink) -> dict[str, Any]:
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
    reference = {"$ref": f"#/components/schemas/{RefusedAnswer.__name__}"}
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
