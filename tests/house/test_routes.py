"""Every route is protected in exactly one way, and says so where it stands."""

import ast

import pytest

from tests.house.tree import Source, sources

PROTECTIONS = {"authenticated", "rate_limited", "rate_limited_by", "exempt"}
# Methods of a Quart blueprint or app that register a view.
REGISTERS = {"get", "post", "put", "patch", "delete", "route", "websocket", "add_url_rule"}
ROUTES = sources("relayd/routes")


def decorators(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    """The names of its decorators, called or not."""
    called = [one.func if isinstance(one, ast.Call) else one for one in function.decorator_list]
    return [ast.unparse(one) for one in called]


def views(source: Source) -> list[tuple[str, list[str]]]:
    """Each registered view of a file with all its decorators."""
    named = [(one.name, decorators(one)) for one in source.functions()]
    return [
        (name, found)
        for name, found in named
        if any("." in one and one.rpartition(".")[2] in REGISTERS for one in found)
    ]


@pytest.mark.parametrize("source", ROUTES, ids=[one.name for one in ROUTES])
def test_every_route_is_protected_once(source: Source) -> None:
    """Authenticated, rate-limited or explicitly exempt: a forgotten one is an open door."""
    for name, found in views(source):
        protections = [one for one in found if one.rpartition(".")[2] in PROTECTIONS]
        assert len(protections) == 1, f"{source.name}: {name} has {protections or 'no protection'}"


def test_the_rule_sees_the_routes() -> None:
    """The rule above looks at views that exist, not at an empty list."""
    assert sum(len(views(source)) for source in ROUTES) >= 10


@pytest.mark.parametrize("source", ROUTES, ids=[one.name for one in ROUTES])
def test_no_route_is_registered_past_the_decorators(source: Source) -> None:
    """`add_url_rule` would hide a view from this rule."""
    assert "add_url_rule(" not in source.path.read_text(encoding="utf-8")
