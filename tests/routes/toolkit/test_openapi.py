"""GET /openapi.json: complete, well-formed, and true of what the routes answer."""

import ast
import json
from typing import Any

import pytest

from relayd.routes.toolkit.description import description_of, undescribed_reason
from relayd.routes.toolkit.openapi import operation_id
from tests.house.tree import ROOT, sources
from tests.routes.document import document, operations, validator
from tests.routes.world import World


def schemas_with_examples() -> list[tuple[str, Any, Any]]:
    """Where, schema, example: of every body that the document shows."""
    found = []
    for name, operation in operations().items():
        contents = [("takes", operation.get("requestBody", {}).get("content", {}))]
        contents += [(s, one.get("content", {})) for s, one in operation["responses"].items()]
        for where, content in contents:
            for media in content.values():
                shown = [media["example"]] if "example" in media else []
                shown += [one["value"] for one in media.get("examples", {}).values()]
                found += [(f"{name} {where}", media["schema"], one) for one in shown]
    return found


async def test_every_route_is_in_it() -> None:
    """A view is described or says why it isn't; what is described is in the document, once."""
    app = World().app
    expected = set()
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        described = description_of(view) is not None
        assert described != (undescribed_reason(view) is not None), (
            f"{rule.endpoint} needs @described(…), or @undescribed(…) where it is a page"
        )
        if described:
            expected.add(operation_id(rule.endpoint))
    identities = [one["operationId"] for one in operations().values()]
    assert sorted(identities) == sorted(expected)


def test_only_pages_and_streams_are_left_out() -> None:
    """Whatever answers JSON to a program is described: /auth, /account, /billing and /health."""
    paths = set(document()["paths"])
    for one in ["/auth/login", "/account/me", "/account/usage", "/billing/balance", "/health"]:
        assert one in paths


def test_the_form_of_the_document() -> None:
    """It is OpenAPI 3.1, checked by a reader of it that is not ours."""
    # Imported here: it takes a second.
    import schemathesis  # noqa: PLC0415 - see above
    from schemathesis.core.result import Ok  # noqa: PLC0415 - see above

    schema = schemathesis.openapi.from_dict(document())
    found = list(schema.get_all_operations())
    labels = {one.ok().label for one in found if isinstance(one, Ok)}
    assert len(labels) == len(found)
    assert labels == set(operations())


@pytest.mark.parametrize("name", sorted(operations()))
def test_every_operation_is_whole(name: str) -> None:
    """An operation has a summary and a chapter, and its parameters are those of its path."""
    operation = operations()[name]
    assert operation["summary"]
    assert operation["tags"][0] in {one["name"] for one in document()["tags"]}
    written = {part[1:-1] for part in name.split("/") if part.startswith("{")}
    told = {one["name"] for one in operation.get("parameters", []) if one["in"] == "path"}
    assert told == written


def test_every_example_is_valid() -> None:
    """What the document shows, requests and answers and refusals, is what its schemas say."""
    for where, schema, shown in schemas_with_examples():
        error = next(iter(validator(schema).iter_errors(shown)), None)
        assert error is None, f"{where}: {error}"


def test_links_lead_somewhere() -> None:
    """A link names an operation there is and fills fields that it takes."""
    named = {one["operationId"]: one for one in operations().values()}
    links = [
        link
        for operation in operations().values()
        for answer in operation["responses"].values()
        for link in answer.get("links", {}).values()
    ]
    assert links
    for link in links:
        operation = named[link["operationId"]]
        if "requestBody" in link:
            content = operation["requestBody"]["content"]["application/json"]
            assert set(link["requestBody"]) <= set(content["example"])
        taken = {one["name"] for one in operation.get("parameters", [])}
        assert set(link.get("parameters", {})) <= taken


def documented_codes() -> set[tuple[int, str]]:
    """Every status and code that the document names."""
    return {
        (int(status), code)
        for operation in operations().values()
        for status, answer in operation["responses"].items()
        for media in answer.get("content", {}).values()
        for code in media.get("examples", {})
    }


def declared_codes() -> set[tuple[int, str]]:
    """Every ``Refusal(status, code, …)`` and ``Problem(status, code, …)`` in the routes."""
    return {
        (ast.literal_eval(node.args[0]), ast.literal_eval(node.args[1]))
        for source in sources("relayd/routes")
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in {"Refusal", "Problem"}
        and len(node.args) >= 2
        and all(isinstance(one, ast.Constant) for one in node.args[:2])
    }


# The framework's own, which no operation answers with, and those of the WebSocket's handshake.
OF_NO_OPERATION = {
    (400, "bad_request"),
    (404, "not_found"),
    (405, "method_not_allowed"),
    (403, "origin_not_allowed"),
    (426, "upgrade_required"),
}


def test_every_code_is_documented() -> None:
    """A refusal that a route declares stands in the document, and no others do."""
    assert documented_codes() == declared_codes() - OF_NO_OPERATION


def test_paths_are_in_the_page_about_http() -> None:
    """Who reads docs/http.md finds every path, and where the document is."""
    page = (ROOT / "docs" / "http.md").read_text(encoding="utf-8")
    for path in [*document()["paths"], "/docs"]:
        assert f"{path}`" in page or f"{path}?" in page, path


def test_nothing_in_it_is_secret() -> None:
    """The document is public: it names no address of anybody's machine."""
    assert "127.0.0.1" not in json.dumps(document())
