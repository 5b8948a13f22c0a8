"""`relayd models`: the models of whisper.cpp on this machine."""

import argparse
import re
import sys
from typing import TYPE_CHECKING, Final

from relayd.cli.toolkit.exits import Exit
from relayd.cli.toolkit.options import (
    Subparsers,
    add_command,
    add_config,
    add_group,
    add_json,
    load,
)
from relayd.cli.toolkit.output import print_json, print_table, say
from relayd.errors import OperatorError

if TYPE_CHECKING:
    from pathlib import Path

    from relayd.engines.whispercpp.known import Published
    from relayd.engines.whispercpp.shelf import Shelf

__all__ = ["add"]

_SHA256: Final = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)


def add(subparsers: Subparsers) -> None:
    """Register `models` and its commands."""
    group = add_group(
        subparsers,
        "models",
        summary="list, fetch and remove models of whisper.cpp",
        details=(
            "Models of whisper.cpp stand in engines.whispercpp.directory, as ggml files. A file\n"
            "that was put there by hand is as good as a fetched one."
        ),
    )
    listing = add_command(
        group,
        "list",
        _list,
        summary="show what is here and what can be fetched",
        details="Show the models on this machine, and those whose checksums relayd knows.",
        examples="  relayd models list\n  relayd models list --json",
    )
    add_config(listing)
    add_json(listing)
    fetching = add_command(
        group,
        "fetch",
        _fetch,
        summary="fetch a model",
        details=(
            "Fetch a model from whisper.cpp's own place, or from --url, and check it. What was\n"
            "broken off goes on where it stopped. Workers find it when they are started anew."
        ),
        examples=(
            "  relayd models fetch base.en\n"
            "  relayd models fetch mine --url https://example.org/ggml.bin --sha256 DIGITS"
        ),
    )
    fetching.add_argument("name", metavar="NAME", help="its name, as `relayd models list` has it")
    fetching.add_argument("--url", metavar="URL", help="where another file is")
    fetching.add_argument("--sha256", metavar="DIGITS", help="that file's checksum")
    add_config(fetching)
    removing = add_command(
        group,
        "remove",
        _remove,
        summary="delete a model from this machine",
        details="Delete a model's file, and what was fetched of one.",
        examples="  relayd models remove base.en",
    )
    removing.add_argument("name", metavar="NAME", help="its name, as `relayd models list` has it")
    add_config(removing)


def _list(arguments: argparse.Namespace) -> int:
    from relayd.engines.whispercpp.known import KNOWN

    shelf = _shelf(arguments)
    here = {one.name: one for one in shelf.files()}
    rows = [
        {
            "model": name,
            "here": name in here,
            "bytes": here[name].size_bytes if name in here else None,
            "languages": "en" if name.endswith(".en") else "many",
        }
        for name in dict.fromkeys([*here, *KNOWN])
    ]
    if arguments.json:
        print_json(rows)
    else:
        print_table([{**one, "here": "yes" if one["here"] else "-"} for one in rows], empty="none")
    return Exit.OK


def _fetch(arguments: argparse.Namespace) -> int:
    from relayd.engines.whispercpp.fetching import fetch

    shelf, wanted = _shelf(arguments), _wanted(arguments)
    present = shelf.find(wanted.name)
    if present is not None:
        say(f"{wanted.name} is here already: {present.path}")
        return Exit.OK
    shown = sys.stderr.isatty()

    def reached(have: int, total: int | None) -> None:
        if shown:
            share = f"{have * 100 // total:3} %" if total else ""
            sys.stderr.write(f"\r{have:>15,} bytes {share}")

    found = fetch(shelf, wanted, reached)
    if shown:
        sys.stderr.write("\n")
    say(f"fetched {found.name}: {found.path}, {found.size_bytes:,} bytes")
    return Exit.OK


def _remove(arguments: argparse.Namespace) -> int:
    shelf = _shelf(arguments)
    found = shelf.find(arguments.name)
    part = None
    if found is None:
        place = _place(shelf, arguments.name)
        part = place.with_name(f"{place.name}.part")
        if not part.exists():
            raise OperatorError(f"there is no model {arguments.name} in {shelf.directory}")
    path = found.path if found else part
    assert path is not None
    path.unlink()
    say(f"removed {path}")
    return Exit.OK


def _shelf(arguments: argparse.Namespace) -> "Shelf":
    from relayd.engines.whispercpp.shelf import Shelf

    return Shelf(load(arguments).engines.whispercpp.directory)


def _place(shelf: "Shelf", name: str) -> "Path":
    try:
        return shelf.place(name)
    except ValueError as error:
        raise OperatorError(f"{name!r}: {error}") from None


def _wanted(arguments: argparse.Namespace) -> "Published":
    from relayd.engines.whispercpp.known import KNOWN, Published

    _place(_shelf(arguments), arguments.name)
    if arguments.url is None:
        if arguments.name not in KNOWN:
            raise OperatorError(
                f"{arguments.name} is none of {', '.join(KNOWN)}: give --url and --sha256"
            )
        return KNOWN[arguments.name]
    if not _SHA256.fullmatch(arguments.sha256 or ""):
        raise OperatorError("--url needs --sha256 with the 64 digits of the file's checksum")
    return Published(arguments.name, arguments.url, arguments.sha256.lower())
