"""The checkout, as the house rules look at it: its files, parsed."""

import ast
import subprocess
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Final, TypeVar

import attrs

Node = TypeVar("Node", bound=ast.AST)

ROOT: Final = Path(__file__).parents[2]


@attrs.frozen
class Source:
    """One Python file."""

    path: Path

    @property
    def name(self) -> str:
        """Its path from the root, for messages."""
        return str(self.path.relative_to(ROOT))

    @property
    def module(self) -> str:
        """Its dotted name."""
        parts = self.path.relative_to(ROOT).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @property
    def package(self) -> str:
        """The part of relayd it belongs to: the first name below relayd."""
        names = self.module.split(".")
        return names[1] if len(names) > 1 else ""

    @property
    def lines(self) -> Sequence[str]:
        """Its lines, without their ends."""
        return _read(self.path).splitlines()

    @property
    def tree(self) -> ast.Module:
        """Its syntax."""
        return parsed(self.path)

    def nodes(self, *kinds: type[Node]) -> Iterator[Node]:
        """Everything of these kinds in it, at any depth."""
        return (node for node in _nodes(self.path) if isinstance(node, kinds))

    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        """Every function in it, methods and inner ones too."""
        yield from self.nodes(ast.FunctionDef)
        yield from self.nodes(ast.AsyncFunctionDef)

    def imports(self) -> Iterator[str]:
        """Every module it imports, anywhere, also for types only."""
        for whole in self.nodes(ast.Import):
            yield from (one.name for one in whole.names)
        for node in self.nodes(ast.ImportFrom):
            assert node.level == 0, f"{self.name}: relative import"
            assert node.module is not None
            yield node.module
            # `from relayd import config` imports a module too.
            yield from (f"{node.module}.{one.name}" for one in node.names)


# Each file is read, parsed and walked once for all rules.


@cache
def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def parsed(path: Path) -> ast.Module:
    """The syntax of a file."""
    return ast.parse(_read(path), filename=str(path))


@cache
def _nodes(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(parsed(path)))


@cache
def sources(*directories: str) -> tuple[Source, ...]:
    """Every Python file below these directories of the checkout."""
    found = [path for one in directories for path in sorted((ROOT / one).rglob("*.py"))]
    return tuple(Source(path) for path in found)


@cache
def committed_texts() -> tuple[Path, ...]:
    """Every text file that a reader of the repository sees."""
    paths = listed("--cached", "--others", "--exclude-standard")
    return tuple(path for path in paths if path.is_file() and b"\0" not in path.read_bytes())


def listed(*which: str) -> tuple[Path, ...]:
    """The files that `git ls-files` names."""
    done = subprocess.run(  # noqa: S603 - no text of anybody else's
        ["git", "ls-files", *which, "-z"],  # noqa: S607 - found on PATH
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    return tuple(ROOT / name for name in done.stdout.decode().split("\0") if name)
