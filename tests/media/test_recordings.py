"""Opening a recording in a child: what it is told, what it may take, and how it ends."""

import os
import signal
from pathlib import Path

import pytest
import trio

from relayd.children.child import Child
from relayd.errors import MediaFailed, Unreadable
from relayd.media.limits import MediaLimits
from relayd.media.recordings import Measured, RecordingOpener
from relayd.speech.files import AudioForm
from tests.media.files import encoded, tone, wav

# Starts as the real one does, and then does what a broken decoder would.
INSTEAD = """
import os, sys, time
from relayd.children import inside
commands, emit = inside.begin(0)
commands.readline()
{}
"""


def replaced(monkeypatch: pytest.MonkeyPatch, then: str) -> None:
    """Let another program stand for the child."""
    start = Child.start

    async def other(command: tuple[str, ...]) -> Child:
        return await start((command[0], "-c", INSTEAD.format(then)))

    monkeypatch.setattr(Child, "start", other)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Three seconds of a tone as an MP3 file."""
    path = tmp_path / "a recording; of --me"
    path.write_bytes(encoded("mp3"))
    return path


async def test_a_recording_is_measured_and_decoded(recording: Path, tmp_path: Path) -> None:
    """In children of ours, whatever the file is called."""
    (tmp_path / "sound").mkdir()
    opened = RecordingOpener()

    measured = await opened.measure(recording)
    sound = await opened.decode(recording, tmp_path / "sound", AudioForm.FLAC, part_seconds=2)

    assert measured == Measured(measured.duration_ms, "mp3", "mp3", 44_100, 1)
    assert [one.path.suffix for one in sound.parts] == [".flac", ".flac"]
    assert abs(sound.duration_ms - 3_000) <= 50


async def test_a_refusal_comes_through(tmp_path: Path) -> None:
    """With its code and its sentence; ``seconds_max`` is this caller's own."""
    path = tmp_path / "long"
    path.write_bytes(wav(tone(3)))
    with pytest.raises(Unreadable, match="longer than 2 seconds") as refused:
        await RecordingOpener().measure(path, seconds_max=2)
    assert refused.value.code == "too_long"


async def test_a_file_that_is_gone_is_our_fault(tmp_path: Path) -> None:
    """Nobody is told that his recording is broken."""
    with pytest.raises(MediaFailed):
        await RecordingOpener().measure(tmp_path / "nothing")


async def test_a_full_disk_is_our_fault(recording: Path) -> None:
    """The same for what can't be written."""
    with pytest.raises(MediaFailed):
        await RecordingOpener().decode(recording, Path("/proc"))


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGXCPU])
async def test_a_crash_is_the_files_fault(
    recording: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    """It ends the child and nothing else."""
    replaced(monkeypatch, f"os.kill(os.getpid(), {int(number)})")
    with pytest.raises(Unreadable) as refused:
        await RecordingOpener().measure(recording)
    assert refused.value.code == "too_costly"


async def test_a_child_that_was_killed_says_nothing_of_the_file(
    recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel was short of memory, or somebody ended it: another attempt is right."""
    replaced(monkeypatch, "os.kill(os.getpid(), 9)")
    with pytest.raises(MediaFailed, match="signal 9"):
        await RecordingOpener().measure(recording)


async def test_the_child_knows_no_secret(recording: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever takes it over through a decoder finds nothing of ours in its environment."""
    monkeypatch.setenv("RELAYD_AUTH__SECRET", "s" * 40)
    replaced(monkeypatch, "emit({'failed': ' '.join(sorted(os.environ))})")
    with pytest.raises(MediaFailed) as failed:
        await RecordingOpener().measure(recording)
    assert "PATH" in str(failed.value)
    assert "RELAYD" not in str(failed.value)


async def test_the_child_may_not_take_all_the_memory(
    recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that asks its decoder for gigabytes gets none."""
    replaced(
        monkeypatch,
        "from relayd.media.limits import MediaLimits\nMediaLimits().bind()\n"
        "try: bytes(2**30)\nexcept MemoryError: emit({'failed': 'no memory'})",
    )
    with pytest.raises(MediaFailed, match="no memory"):
        await RecordingOpener().measure(recording)


async def test_stricter_limits_stay(recording: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service may be allowed less than a recording needs at most."""
    replaced(
        monkeypatch,
        "import resource\nfrom relayd.media.limits import MediaLimits\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\nMediaLimits().bind()\n"
        "emit({'failed': str(resource.getrlimit(resource.RLIMIT_FSIZE))})",
    )
    with pytest.raises(MediaFailed, match=r"\(1000, 1000\)"):
        await RecordingOpener().measure(recording)


async def test_cancelling_ends_the_child(
    recording: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """At once, whatever it does."""
    said = tmp_path / "pid"
    os.mkfifo(said)
    replaced(monkeypatch, f"open({str(said)!r}, 'w').write(str(os.getpid())); time.sleep(60)")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(RecordingOpener().measure, recording)
        pid = int(await trio.to_thread.run_sync(said.read_text))
        nursery.cancel_scope.cancel()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_limits_follow_from_the_length() -> None:
    """Longer recordings may take longer, on any machine."""
    assert MediaLimits(3_600).cpu_seconds == 80
