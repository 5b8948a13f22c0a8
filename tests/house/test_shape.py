"""The shape of files and functions: small, named for what they are, documented."""

import ast
import re
from collections.abc import Iterator

from tests.house.tree import ROOT, Source, sources

LINES_OF_A_FILE = 400
LINES_OF_A_FUNCTION = 70
ALL = sources("relayd", "tests", "bench")
RELAYD = sources("relayd")
# They compare our stand-ins with their vendors' own specifications, which are not ours to ship.
MAY_SKIP = {
    "tests/standin/test_schema.py",
    "tests/stripe_standin/test_shapes.py",
    # Not every machine has a package of its weights.
    "tests/engines/moonshine/test_spoken.py",
    "tests/engines/moonshine/test_files.py",
    "tests/engines/whispercpp/test_spoken.py",
    # Only root's server runs as somebody else, and not every machine has systemd.
    "tests/database/test_admission.py",
    "tests/house/test_unit.py",
}
TESTS = [one for one in ALL if one.path.name.startswith("test_")]
# An engine's models are things of their own.
SPEECH_MODELS = {"relayd/cli/models.py", "relayd/engines/whispercpp/models.py"}
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


def test_files_are_small() -> None:
    """A file has one noun and has at most 400 lines."""
    lengths = {one.name: len(one.lines) for one in ALL}
    assert not {name: lines for name, lines in lengths.items() if lines > LINES_OF_A_FILE}


def test_functions_are_small() -> None:
    """A function fits a screen: under 70 lines."""
    lengths = {
        f"{source.name}: {function.name}": (function.end_lineno or 0) - function.lineno + 1
        for source in ALL
        for function in source.functions()
    }
    assert not {name: lines for name, lines in lengths.items() if lines >= LINES_OF_A_FUNCTION}


def test_names_have_a_noun() -> None:
    """A file is named for what it holds, not for being of use."""
    nameless = {one.name for one in ALL if NAMES_WITHOUT_A_NOUN & set(one.module.split("."))}
    assert nameless <= SPEECH_MODELS


def test_a_class_name_means_one_thing() -> None:
    """No two public classes of one name: whoever reads one need not ask which.

    Settings are exempt: they are written with their section, and named for what they are settings
    of. So is what apps embed, from the daemon's names: it speaks of a server in an app's words.
    """
    places: dict[tuple[bool, str], list[str]] = {}
    for source in RELAYD:
        if source.package == "config":
            continue
        in_apps = source.package in {"client", "desktop"}
        for node in source.tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault((in_apps, node.name), []).append(source.name)
    assert not {name: files for (_, name), files in places.items() if len(files) > 1}


def test_every_test_states_its_rule() -> None:
    """A test's docstring says in a sentence what must hold."""
    rules = {
        f"{source.name}: {function.name}": ast.get_docstring(function) or ""
        for source in TESTS
        for function in source.functions()
        if function.name.startswith("test_")
    }
    unstated = [name for name, rule in rules.items() if not _is_a_sentence(rule.split("\n\n")[0])]
    assert not unstated


def _is_a_sentence(text: str) -> bool:
    return text.rstrip().endswith(".")


def test_no_test_sleeps_or_is_skipped() -> None:
    """Waiting is for events or a mock clock, and a test that does not run proves nothing."""
    found = [
        f"{source.name}:{node.lineno} {ast.unparse(node)}"
        for source in TESTS
        for node in source.nodes(ast.Attribute)
        if (node.attr == "sleep" and ast.unparse(node) == "time.sleep")
        or (node.attr in {"skip", "skipif", "xfail"} and source.name not in MAY_SKIP)
    ]
    assert not found


def test_cancellation_is_never_caught() -> None:
    """Being cancelled is Trio's to handle: no `except trio.Cancelled`, no bare `except`."""
    found = [
        f"{source.name}:{node.lineno}"
        for source in RELAYD
        for node in source.nodes(ast.ExceptHandler)
        if node.type is None or "Cancelled" in ast.unparse(node.type)
    ]
    assert not found


def test_every_suppression_has_its_reason() -> None:
    """A `noqa` names its rule and says why it is right: behind it, above it, once in a file."""
    assert not [f"{source.name}:{line}" for source in RELAYD for line in _unreasoned(source)]


def _unreasoned(source: Source) -> Iterator[int]:
    """The lines that suppress every rule, or one without a reason."""
    reasoned: set[str] = set()
    for number, line in enumerate(source.lines, start=1):
        if "# noqa" in line:
            found = re.search(r"# noqa: ([A-Z]+\d+(?:, ?[A-Z]+\d+)*)(.*)", line)
            above = source.lines[number - 2].strip()
            if found and (found[2].strip() or above.startswith("#")):
                reasoned.add(found[1])
            if found is None or found[1] not in reasoned:
                yield number


def test_the_map_names_every_package() -> None:
    """The docstring of relayd/__init__.py is the map of the package."""
    text = (ROOT / "relayd" / "__init__.py").read_text(encoding="utf-8")
    packages = {one.package for one in RELAYD} - {"", "__main__"}
    assert not [name for name in packages if not re.search(rf"\b{name}\b", text)]
