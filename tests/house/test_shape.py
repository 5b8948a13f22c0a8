"""The shape of files and functions: small, named for what they are, documented."""

import ast
import re
from collections import Counter

import pytest

from tests.house.tree import ROOT, Source, sources

LINES_OF_A_FILE = 400
LINES_OF_A_FUNCTION = 70
ALL = sources("relayd", "tests", "bench")
# They compare our stand-ins with their vendors' own specifications, which are not ours to ship.
MAY_SKIP = {
    "tests/standin/test_schema.py",
    "tests/stripe_standin/test_shapes.py",
    # Not every machine has a package of its weights.
    "tests/engines/moonshine/test_spoken.py",
    "tests/engines/moonshine/test_files.py",
    "tests/engines/whispercpp/test_spoken.py",
}
TESTS = [one for one in ALL if one.path.name.startswith("test_")]
# Names that two top-level classes of relayd share, each right in its room.
SHARED_NAMES = {
    # A section of the configuration is called like what it configures.
    "Database",
    "Deepgram",
    "Log",
    # What apps embed names things as an app sees them.
    "Accounts",
    "Ending",
    "SpeechStarted",
    "Transcript",
    "UtteranceEnd",
    "Word",
}
NAMES_WITHOUT_A_NOUN = {
    "utils",
    "util",
    "helpers",
    "helper",
    "common",
    "models",
    "services",
    "misc",
}


@pytest.mark.parametrize("source", ALL, ids=[one.name for one in ALL])
def test_files_are_small(source: Source) -> None:
    """A file has one noun and has at most 400 lines."""
    lines = len(source.path.read_text(encoding="utf-8").splitlines())
    assert lines <= LINES_OF_A_FILE, f"{source.name} has {lines} lines"


@pytest.mark.parametrize("source", ALL, ids=[one.name for one in ALL])
def test_functions_are_small(source: Source) -> None:
    """A function fits a screen: under 70 lines."""
    for function in source.functions():
        lines = (function.end_lineno or function.lineno) - function.lineno + 1
        assert lines < LINES_OF_A_FUNCTION, f"{source.name}: {function.name} has {lines} lines"


def test_names_have_a_noun() -> None:
    """A file is named for what it holds, not for being of use."""
    assert not [one.name for one in ALL if NAMES_WITHOUT_A_NOUN & set(one.module.split("."))]


@pytest.mark.parametrize("source", TESTS, ids=[one.name for one in TESTS])
def test_every_test_states_its_rule(source: Source) -> None:
    """A test's docstring says in a sentence what must hold."""
    for function in source.functions():
        if function.name.startswith("test_"):
            stated = ast.get_docstring(function) or ""
            assert stated.split("\n\n")[0].rstrip().endswith("."), f"{source.name}: {function.name}"


@pytest.mark.parametrize("source", TESTS, ids=[one.name for one in TESTS])
def test_no_test_sleeps_or_is_skipped(source: Source) -> None:
    """Waiting is for events or a mock clock, and a test that does not run proves nothing."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute):
            skips = node.attr in {"skip", "skipif", "xfail"} and source.name not in MAY_SKIP
            assert not skips, f"{source.name}:{node.lineno}"
            called = f"{getattr(node.value, 'id', '')}.{node.attr}"
            assert called != "time.sleep", f"{source.name}:{node.lineno}"


RELAYD = sources("relayd")


@pytest.mark.parametrize("source", RELAYD, ids=[one.name for one in RELAYD])
def test_cancellation_is_never_caught(source: Source) -> None:
    """Being cancelled is Trio's to handle: no `except trio.Cancelled`, no bare `except`."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ExceptHandler):
            caught = ast.unparse(node.type) if node.type else "everything"
            assert "Cancelled" not in caught, f"{source.name}:{node.lineno}"
            assert caught != "everything", f"{source.name}:{node.lineno}"


@pytest.mark.parametrize("source", RELAYD, ids=[one.name for one in RELAYD])
def test_every_suppression_has_its_reason(source: Source) -> None:
    """A `noqa` names its rule and says why it is right: behind it, above it, once in a file."""
    lines = source.path.read_text(encoding="utf-8").splitlines()
    reasoned: set[str] = set()
    for number, line in enumerate(lines, start=1):
        if "# noqa" in line:
            found = re.search(r"# noqa: ([A-Z]+\d+(?:, ?[A-Z]+\d+)*)(.*)", line)
            assert found, f"{source.name}:{number} suppresses every rule"
            above = lines[number - 2].strip()
            if found[2].strip() or above.startswith("#"):
                reasoned.add(found[1])
            assert found[1] in reasoned, f"{source.name}:{number} suppresses without a reason"


def test_a_class_has_its_name_for_itself() -> None:
    """No two top-level classes share a name, save those that are listed, which still do."""
    named = Counter(
        node.name
        for source in RELAYD
        for node in source.tree.body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert {name for name, count in named.items() if count > 1} == SHARED_NAMES


def test_the_map_names_every_package() -> None:
    """The docstring of relayd/__init__.py is the map of the package."""
    text = (ROOT / "relayd" / "__init__.py").read_text(encoding="utf-8")
    packages = {one.package for one in RELAYD} - {"", "__main__"}
    assert not [name for name in packages if not re.search(rf"\b{name}\b", text)]
