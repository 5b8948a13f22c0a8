"""What commands print: tables for people, JSON for programs."""

import datetime as dt
import enum
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

__all__ = ["print_json", "print_table", "say"]


def say(text: str) -> None:
    """One line on standard output."""
    sys.stdout.write(f"{text}\n")


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    say(json.dumps(value, default=_plain, indent=2, ensure_ascii=False))


def print_table(rows: Sequence[Mapping[str, Any]], *, empty: str) -> None:
    """Rows of the same columns, aligned; numbers to the right. ``empty`` stands for no rows."""
    if not rows:
        say(empty)
        return
    columns = list(rows[0])
    cells = [[_cell(row[column]) for column in columns] for row in rows]
    widths = [
        max(len(one) for one in column)
        for column in zip([one.upper() for one in columns], *cells, strict=True)
    ]
    numeric = [all(isinstance(row[one], int | float) for row in rows) for one in columns]
    for line in [[one.upper() for one in columns], *cells]:
        aligned = [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, numeric, strict=True)
        ]
        say("  ".join(aligned).rstrip())


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    if isinstance(value, float):
        return f"{value:.3f}"
    text = str(_plain(value))
    # An address or a reason came from outside: no terminal escapes, no forged rows.
    return "".join(one if one.isprintable() else "?" for one in text)


def _plain(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, UUID | Path):
        return str(value)
    if isinstance(value, enum.Enum):
        return value.name.lower()
    return str(value) if not isinstance(value, str | int) else value
