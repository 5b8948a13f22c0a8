"""The checkout, as the house rules look at it: its files, parsed."""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import attrs

ROOT = Path(__file__).parents[2]


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
    def tree(self) -> ast.Module:
        """Its syntax."""
        return parsed(self.path)

    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        """Every function in it, methods and inner ones too."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node

    def imports(self) -> Iterator[str]:
        """Every module it imports, anywhere, also for types only."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (one.name for one in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{self.name}: relative import"
                assert node.module is not None
                yield node.module
                # `from relayd import config` imports a module too.
                yield from (f"{node.module}.{one.name}" for one in node.names)


@cache
def parsed(path: Path) -> ast.Module:
    """The syntax of a file; each is parsed once for all rules."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


@cache
def sources(*directories: str) -> tuple[Source, ...]:
    """Every Python file below these directories of the checkout."""
    found = [path for one in directories for path in sorted((ROOT / one).rglob("*.py"))]
    return tuple(Source(path) for path in found)


@cache
def committed_texts() -> tuple[Path, ...]:
    """Every text file that a reader of the repository sees."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],  # noqa: S607 - found on PATH
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    return tuple(path for path in paths if path.is_file() and b"\0" not in path.read_bytes())
