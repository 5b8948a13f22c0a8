"""2,000 recordings with accidents in them: whatever they do, they do to the child.

Each is measured, and decoded where it was taken for a recording. What may come of it is a length, a
sound or a reason; never an exception of another kind, and never more sound than was allowed.
"""

import random
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import attrs
import trio

from bench.faults.verdict import Verdict
from relayd.errors import MediaFailed, Unreadable
from relayd.media.limits import MediaLimits
from relayd.media.recordings import RecordingOpener
from tests.media.files import FORMS, encoded

__all__ = ["Outcomes", "fuzz", "run"]

_FILES: Final = 2_000
_QUICK_FILES: Final = 100
_AT_ONCE: Final = 2
_SEED: Final = 2_000
_SECONDS_MAX: Final = 60
# Of sound in each seed.
_SECONDS: Final = 1.0

# The interesting half of a header is near its beginning.
_HEAD_BYTES: Final = 400


@attrs.define(eq=False)
class Outcomes:
    """What came of the files: how often each reason, and what must never be."""

    reasons: Counter[str] = attrs.field(factory=Counter)
    failed: int = 0
    too_long: int = 0


async def run(verdict: Verdict) -> None:
    """All of them."""
    files = verdict.sized(_FILES, _QUICK_FILES)
    outcomes = await fuzz(files)
    verdict.note("files with accidents in them", files)
    for reason, count in sorted(outcomes.reasons.items()):
        verdict.note(reason, count)
    verdict.equal("of which a child was at fault, or we", outcomes.failed, 0)
    verdict.equal("that made more sound than is allowed", outcomes.too_long, 0)


async def fuzz(files: int) -> Outcomes:
    """Open so many; an exception that nobody foresaw leaves it."""
    source = random.Random(_SEED)  # noqa: S311 - the same ones each time
    seeds = [encoded(form, _SECONDS) for form in FORMS]
    outcomes = Outcomes()
    recordings = RecordingOpener(MediaLimits(_SECONDS_MAX), at_once=_AT_ONCE)
    with tempfile.TemporaryDirectory() as directory:
        cases = [_mutate(source.choice(seeds), source) for _ in range(files)]
        async with trio.open_nursery() as nursery:
            for number in range(_AT_ONCE):
                nursery.start_soon(
                    _open_all,
                    recordings,
                    cases[number::_AT_ONCE],
                    Path(directory, str(number)),
                    outcomes,
                )
    return outcomes


async def _open_all(
    recordings: RecordingOpener, cases: Sequence[bytes], directory: Path, outcomes: Outcomes
) -> None:
    for number, data in enumerate(cases):
        place = directory / str(number)
        place.mkdir(parents=True)
        path = directory / "recording"
        path.write_bytes(data)
        try:
            await recordings.measure(path)
            sound = await recordings.decode(path, place, part_seconds=10)
        except Unreadable as error:
            outcomes.reasons[error.code] += 1
        except MediaFailed:
            outcomes.failed += 1
        else:
            outcomes.reasons["decoded"] += 1
            outcomes.too_long += sound.duration_ms > _SECONDS_MAX * 1000
        for part in place.iterdir():
            part.unlink()


def _mutate(data: bytes, source: random.Random) -> bytes:
    """One to eight small accidents, half of them in the header."""
    changed = bytearray(data)
    for _ in range(source.randint(1, 8)):
        reach = min(_HEAD_BYTES, len(changed)) if source.random() < 1 / 2 else len(changed)
        at = source.randrange(reach + 1)
        match source.randrange(6):
            case 0:
                changed[at : at + 4] = source.randbytes(4)
            case 1:
                del changed[at : at + source.randint(1, 64)]
            case 2:
                changed[at:at] = source.randbytes(source.randint(1, 16))
            case 3:
                changed[at:at] = changed[at : at + source.randint(1, 400)]
            case 4:
                changed[at : at + 4] = source.choice((b"\xff\xff\xff\xff", bytes(4), b"\x7f" * 4))
            case _:
                del changed[source.randrange(len(changed) + 1) :]
    return bytes(changed)
