"""Breaking a file of a checkout in every small way that mutmut knows.

A broken file holds each of its functions many times over: as it was, and once for each break. The
environment of a process says which one runs (`mutmut.mutation.trampoline`).
"""

import difflib
import hashlib
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Final

import attrs
import libcst as cst
import libcst.matchers as m
from mutmut.mutation.file_mutation import (
    Mutation,
    combine_mutations_to_source,
    create_mutations,
)
from mutmut.utils.format_utils import get_mutant_name, mangled_name_from_mutant_name

__all__ = ["Break", "break_file"]

# An assertion is never false in a program that is right; what the log says, why a scope was
# cancelled, and what a type checker is told are for people.
UNTOUCHED: Final = (
    m.Assert()
    | m.Call(func=m.Attribute(value=m.Name("log")) | m.Name("tell"))
    | m.Call(func=m.Name("cast"))
    | m.Arg(keyword=m.Name("reason"), value=m.Attribute(attr=m.Name("label")))
)
# Their keywords, and the name of a loop, are for the log.
KEEP: Final = m.Call(func=m.Name("keep"))
GUARD: Final = m.Call(
    func=m.Attribute(attr=m.Name("guard")) | m.Name("guarded") | m.Name("_guarded")
)
# Several words: a message for people, or SQL, of which PostgreSQL has the last word.
SENTENCE: Final = m.SimpleString(m.MatchIfTrue(lambda literal: " " in literal.strip("\"'")))
FALSE: Final = m.Name("False")


@attrs.frozen
class Break:
    """One function with one small change."""

    # mutmut's: module, class and function, and a number.
    name: str
    # The lines that differ, as a unified diff.
    difference: str

    @property
    def function(self) -> str:
        """What is broken, by mutmut's name for it."""
        return mangled_name_from_mutant_name(self.name)

    @property
    def digest(self) -> str:
        """The same for the same change to the same function, whatever its number."""
        return hashlib.sha256(f"{self.function}\n{self.difference}".encode()).hexdigest()[:16]


def break_file(checkout: Path, file: Path) -> list[Break]:
    """Write every break of this file (its path within the checkout) into it, and name them."""
    path = checkout / file
    source = path.read_text()
    module, mutations, classes, functions = create_mutations(str(file), source)
    untouched = set(_untouched(module))
    wanted = [one for one in mutations if _matters(one, untouched)]
    broken = combine_mutations_to_source(module, wanted, classes, functions)
    path.write_text(broken.code)
    lines = broken.code.splitlines(keepends=True)

    def body(name: str) -> list[str]:
        span = broken.line_span_by_function_name[name]
        return lines[span.start - 1 : span.end]

    return [
        Break(
            get_mutant_name(file, name),
            _difference(body(f"{mangled_name_from_mutant_name(name)}__mutmut_orig"), body(name)),
        )
        for name in broken.mutant_names
    ]


def _untouched(module: cst.Module) -> Iterator[int]:
    for found in m.findall(module, UNTOUCHED | SENTENCE | m.Arg(SENTENCE)):
        yield from _identities(found)
    for calls, told in ((GUARD, m.Arg(keyword=m.Name())), (KEEP, m.Arg(m.SimpleString()))):
        for call in m.findall(module, calls):
            for fact in m.findall(call, told):
                yield from _identities(fact)


def _matters(mutation: Mutation, untouched: Container[int]) -> bool:
    before, after = mutation.original_node, mutation.mutated_node
    if id(before) in untouched:
        return False
    if isinstance(before, cst.Call) and isinstance(after, cst.Call):
        changed = [one for one in before.args if one not in after.args]
        given = [one for one in after.args if one not in before.args]
        if any(id(one) in untouched for one in changed):
            return False
        # None is as false as False.
        return not (given and m.matches(changed[0], m.Arg(FALSE)))
    return not m.matches(before, m.Assign(value=FALSE) | m.AnnAssign(value=FALSE))


def _identities(node: cst.CSTNode) -> Iterator[int]:
    yield id(node)
    for child in node.children:
        yield from _identities(child)


def _difference(before: list[str], after: list[str]) -> str:
    # Without the line of the name: that differs always.
    changed = difflib.unified_diff(before, after, n=2)
    return "".join(
        line
        for line in changed
        if not line.startswith(("---", "+++")) and "__mutmut_" not in line.partition("(")[0]
    )
