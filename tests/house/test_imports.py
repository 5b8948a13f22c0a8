"""Imports point downwards; the map stands in the docstring of relayd/__init__.py."""

import sys

from tests.house.tree import Source, sources

GROUND = {
    "errors",
    "logs",
    "threads",
    "config",
    "identity",
    "background",
    "clock",
    "durations",
    "speech",
    "quotas",
    "websocket",
    "children",
}
ADAPTERS = {
    "engines",
    "media",
    "ledger",
    "accounts",
    "database",
    "outbound",
    "payments",
    "mail",
    "storage",
}
ADAPTERS |= {"hooks", "intake", "jobs", "plans", "keys", "transcriptions"}

# What each package may import of relayd beside itself. Whatever is not here must be added with
# a thought: a new package has a place in the order.
BELOW: dict[str, set[str]] = {
    "errors": set(),
    "logs": set(),
    "threads": set(),
    "background": {"errors", "logs"},
    "children": set(),
    "clock": set(),
    "durations": set(),
    "config": {"errors"},
    "identity": set(),
    "quotas": set(),
    "speech": {"errors"},
    "session": {"background", "clock", "durations", "errors", "identity", "speech"},
    "dialects": {"durations", "session", "speech"},
    "websocket": {"errors", "logs"},
    "database": GROUND,
    "ledger": GROUND | {"session", "database"},
    "mail": GROUND | {"database"},
    "accounts": GROUND | {"database", "ledger", "mail"},
    "keys": GROUND | {"database", "session"},
    "payments": GROUND | {"session", "database", "ledger"},
    "jobs": GROUND | {"database", "ledger"},
    "plans": GROUND | {"database", "ledger", "jobs"},
    "transcriptions": GROUND | {"database", "ledger", "jobs", "storage"},
    "worker": GROUND | {"database", "ledger", "jobs", "transcriptions", "storage", "events"},
    "engines": GROUND,
    "storage": GROUND,
    "media": GROUND,
    "outbound": GROUND,
    "events": GROUND | {"database"},
    "hooks": GROUND | {"database", "outbound"},
    "intake": GROUND | {"database", "storage", "outbound", "transcriptions"},
    "edge": GROUND | {"session"},
    "routes": GROUND | {"session", "dialects", "edge", "events", "overview"} | ADAPTERS,
    "overview": GROUND | {"session", "database", "engines", "jobs", "transcriptions"},
    "backups": GROUND | {"database", "ledger"},
    "checks": GROUND | {"edge"} | ADAPTERS,
    "daemon": GROUND
    | {"session", "edge", "routes", "checks", "events", "worker", "overview"}
    | ADAPTERS,
    "demo": GROUND,
    # What apps embed: nothing of the daemon's comes with it.
    # Of engines what Deepgram says on the wire, and the processes of those on this machine.
    "client": {"speech", "errors", "engines", "children"},
    "desktop": {"client", "speech"},
    "cli": GROUND
    | {"session", "edge", "routes", "backups", "checks", "daemon", "client", "desktop", "demo"}
    | {"overview"}
    | ADAPTERS,
    "__main__": {"cli"},
    "": set(),
}

RELAYD = sources("relayd")


def test_every_package_has_its_place() -> None:
    """A package stands in the order above, and the order names none that is gone."""
    assert {one.package for one in RELAYD} == set(BELOW)


def test_imports_point_downwards() -> None:
    """No package knows those above it, nor its neighbours."""
    wrong = {
        source.name: beyond
        for source in RELAYD
        if (beyond := _packages(source) - BELOW[source.package] - {source.package})
    }
    assert not wrong


def _packages(source: Source) -> set[str]:
    """Those it imports; not the version and other plain names of relayd/__init__.py."""
    imported = {name.split(".")[1] for name in source.imports() if name.startswith("relayd.")}
    return imported & set(BELOW)


def test_the_session_needs_trio_and_attrs_only() -> None:
    """That is what makes it testable under a mock clock: the one rule never to break.

    What is said has its form in JSON beside it.
    """
    allowed = set(sys.stdlib_module_names) | {"trio", "attrs", "relayd"}
    for source in RELAYD:
        if source.package in {"session", "speech", "identity", "durations"}:
            outside = {name.split(".")[0] for name in source.imports()}
            forms = {"msgspec"} if source.package == "speech" else set()
            assert outside <= allowed | forms, source.name


def test_credit_has_one_door() -> None:
    """A transaction of another room changes credit through `ledger.balances`, or in lots."""
    doors = {"relayd.ledger", "relayd.ledger.balances", "relayd.ledger.outcomes"}
    doors |= {"relayd.ledger.lots"}
    for source in RELAYD:
        if source.package in {"payments", "jobs", "transcriptions", "accounts", "plans"}:
            rooms = {".".join(one.split(".")[:3]) for one in source.imports()}
            # Who works on a job is a boot, as who serves a stream.
            found = {one for one in rooms if one.startswith("relayd.ledger")}
            assert found <= doors | {"relayd.ledger.boots"}, source.name


def test_nobody_uses_asyncio() -> None:
    """Everything runs under Trio; a library that needs asyncio runs in a thread or not at all."""
    assert not [one.name for one in RELAYD if "asyncio" in set(one.imports())]


def test_secrets_leave_in_few_places() -> None:
    """`reveal` stands where a value is handed to the library that needs it, and is easy to review.

    The configuration itself, what opens the database, what signs, hashes, connects and sells.
    """
    allowed = {"accounts", "backups", "checks", "config", "database", "engines"}
    allowed |= {"cli", "daemon", "mail", "payments", "storage"}
    found = {one.package for one in RELAYD if ".reveal()" in one.path.read_text(encoding="utf-8")}
    assert found <= allowed


# Of the rooms within routes: what each may import of the others.
WITHIN_ROUTES = {
    "toolkit": {"toolkit"},
    "views": {"toolkit", "views"},
    "pages": {"toolkit", "pages"},
    "app": {"toolkit", "views", "pages"},
}


def test_the_toolkit_knows_no_view() -> None:
    """Views and pages are made of it and know nothing of each other; the app knows all."""
    for source in RELAYD:
        if source.package == "routes":
            room = source.module.removeprefix("relayd.routes").strip(".").partition(".")[0]
            names = [one for one in source.imports() if one.startswith("relayd.routes.")]
            assert {one.split(".")[2] for one in names} <= WITHIN_ROUTES.get(room, set()), (
                source.name
            )


def test_what_commands_are_made_of_knows_no_command() -> None:
    """So `relayd.cli` holds a file for each group of commands, and this room what they share."""
    for source in RELAYD:
        if source.module.startswith("relayd.cli.toolkit"):
            above = [one for one in source.imports() if one.startswith("relayd.cli.")]
            assert all(one.startswith("relayd.cli.toolkit.") for one in above), source.name
