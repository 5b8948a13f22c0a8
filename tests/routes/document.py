"""The document that an app serves, and ways to look at it."""

from functools import cache
from typing import Any

import jsonschema_rs
import trio

from tests.routes.world import World

__all__ = ["Operation", "document", "operations", "validator"]

Operation = dict[str, Any]
METHODS = ("get", "put", "post", "delete", "patch")


@cache
def document() -> dict[str, Any]:
    """The document, as it is served."""

    async def ask() -> Any:
        response = await World().ask("/openapi.json")
        assert response.status_code == 200
        assert response.content_type == "application/json"
        return await response.get_json()

    made = trio.run(ask)
    assert isinstance(made, dict)
    return made


def operations() -> dict[str, Operation]:
    """Every operation by its method and path."""
    return {
        f"{method.upper()} {path}": item[method]
        for path, item in document()["paths"].items()
        for method in METHODS
        if method in item
    }


def validator(schema: Any) -> jsonschema_rs.Draft202012Validator:
    """Of a schema within the document, its formats checked too."""
    whole = {**schema, "components": document()["components"]}
    return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
