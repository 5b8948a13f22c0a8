"""The child that opens one file: ``python -m relayd.media``, one order in, one answer out."""

import json
import sys
from pathlib import Path
from typing import Any, Final

from relayd.children import inside
from relayd.errors import Unreadable
from relayd.media import refusals
from relayd.media.limits import MediaLimits

# Opening files is in no hurry beside live streams.
NICENESS: Final = 19


def main() -> int:
    """Do what the order says; returns the exit status."""
    commands, emit = inside.begin(NICENESS)
    order = json.loads(commands.readline())
    limits = MediaLimits(**order["limits"])
    try:
        limits.bind()
        emit({"done": _done(order, limits)})
    except Unreadable as error:
        _refuse(error, emit)
    except MemoryError:
        _refuse(refusals.too_costly(), emit)
    except OSError as error:
        emit({"failed": f"{type(error).__name__}: {error.strerror}"})
    return 0


def _refuse(why: Unreadable, emit: inside.Emit) -> None:
    emit({"unreadable": {"code": why.code, "message": why.message}})


def _done(order: dict[str, Any], limits: MediaLimits) -> dict[str, Any]:
    # After the limits: libav itself counts.
    from relayd.media.decoding import decode  # noqa: PLC0415 - see above
    from relayd.media.measuring import measure  # noqa: PLC0415 - see above

    path = Path(order["path"])
    if order["directory"] is None:
        return measure(path, limits)
    return decode(path, Path(order["directory"]), order["form"], order["part_seconds"], limits)


if __name__ == "__main__":
    sys.exit(main())
