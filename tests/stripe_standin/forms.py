"""Stripe's form encoding: `line_items[0][price_data][currency]=usd` is a value deep in a tree."""

import re
from typing import Any, Final
from urllib.parse import parse_qsl

from tests.stripe_standin.problems import ApiError, invalid

__all__ = ["parse"]

# Stripe refuses what is nested deeper too.
_DEPTH_MAX: Final = 8
_KEY: Final = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_PART: Final = re.compile(r"\[([^\[\]]*)\]")


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
