"""What a request says, and Stripe's errors where it says what it must not.

Form encoding: `line_items[0][price_data][currency]=usd` is a value deep in a tree. Errors have a
type, a code, a sentence and the parameter at fault.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

__all__ = [
    "ApiError",
    "checked_metadata",
    "invalid",
    "missing",
    "only",
    "parse",
    "unexpected_state",
]

# Stripe refuses what is nested deeper too.
_DEPTH_MAX: Final = 8
_KEY: Final = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_PART: Final = re.compile(r"\[([^\[\]]*)\]")
_METADATA_KEYS: Final = 50
_METADATA_KEY_LENGTH: Final = 40
_METADATA_VALUE_LENGTH: Final = 500


def parse(text: str) -> dict[str, Any]:
    """The tree that a body or a query stands for; its leaves are texts."""
    tree: dict[str, Any] = {}
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=1000)
    except ValueError as error:
        raise ApiError(400, "Invalid form encoding.") from error
    for key, value in pairs:
        match = _KEY.fullmatch(key)
        if match is None:
            raise invalid(key, "Invalid parameter name.")
        path = [match[1], *_PART.findall(match[2])]
        if len(path) > _DEPTH_MAX:
            raise invalid(key, "Parameter is nested too deeply.")
        _put(tree, path, key, value)
    return {name: _with_lists(value) for name, value in tree.items()}


def _put(tree: dict[str, Any], path: list[str], key: str, value: str) -> None:
    for name in path[:-1]:
        branch = tree.setdefault(name or str(len(tree)), {})
        if not isinstance(branch, dict):
            raise invalid(key, "Parameter is a value and a hash at once.")
        tree = branch
    leaf = path[-1] or str(len(tree))
    if isinstance(tree.get(leaf), dict):
        raise invalid(key, "Parameter is a value and a hash at once.")
    tree[leaf] = value


def _with_lists(value: Any) -> Any:
    """A hash whose keys are numbers is a list."""
    if not isinstance(value, dict):
        return value
    known = {key: _with_lists(inner) for key, inner in value.items()}
    if known and all(key.isdigit() for key in known):
        return [known[key] for key in sorted(known, key=int)]
    return known


def only(params: Mapping[str, Any], known: Collection[str]) -> None:
    """Refuse parameters that Stripe would not know (or this stand-in does not)."""
    for name in params:
        if name not in known:
            raise invalid(name, f"Received unknown parameter: {name}", "parameter_unknown")


def checked_metadata(metadata: Any) -> dict[str, str]:
    """Metadata within Stripe's limits."""
    if metadata in (None, ""):
        return {}
    if not isinstance(metadata, dict) or len(metadata) > _METADATA_KEYS:
        raise invalid("metadata", "Invalid metadata: a hash of at most 50 keys.")
    for key, value in metadata.items():
        if len(key) > _METADATA_KEY_LENGTH or len(str(value)) > _METADATA_VALUE_LENGTH:
            raise invalid(f"metadata[{key}]", "Metadata keys have 40, values 500 characters.")
    return dict(metadata)


class ApiError(Exception):
    """A refused request: the status and the body of the answer."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.code = code
        self.param = param

    def body(self, request_id: str) -> dict[str, Any]:
        """What Stripe would send."""
        error: dict[str, Any] = {"message": str(self), "type": self.kind}
        if self.code is not None:
            error["code"] = self.code
            error["doc_url"] = f"https://stripe.com/docs/error-codes/{self.code.replace('_', '-')}"
        if self.param is not None:
            error["param"] = self.param
        error["request_log_url"] = f"https://dashboard.stripe.com/test/logs/{request_id}"
        return {"error": error}


def missing(what: str, key: str, param: str = "id") -> ApiError:
    """An object that is not there."""
    return ApiError(404, f"No such {what}: '{key}'", code="resource_missing", param=param)


def invalid(param: str, message: str, code: str | None = None) -> ApiError:
    """A parameter that can't be."""
    return ApiError(400, message, code=code, param=param)


def unexpected_state(message: str, code: str | None = None) -> ApiError:
    """Something that can't be done with an object as it is now."""
    return ApiError(400, message, code=code)
