"""Every route is protected in exactly one way, and says so where it stands."""

import ast

from tests.house.tree import Source, sources

PROTECTIONS = {"authenticated", "authorised", "rate_limited", "rate_limited_by", "exempt"}
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


def test_every_route_is_protected_once() -> None:
    """Authenticated, rate-limited or explicitly exempt: a forgotten one is an open door."""
    protected = {
        f"{source.name}: {name}": [one for one in found if one.rpartition(".")[2] in PROTECTIONS]
        for source in ROUTES
        for name, found in views(source)
    }
    # The rule looks at views that exist, not at an empty list.
    assert len(protected) >= 10
    assert not {name: found for name, found in protected.items() if len(found) != 1}


def test_no_route_is_registered_past_the_decorators() -> None:
    """`add_url_rule` would hide a view from this rule."""
    past = [one.name for one in ROUTES if any("add_url_rule(" in line for line in one.lines)]
    assert not past
