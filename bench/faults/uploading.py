"""Two gigabytes through the edge beside paying streams: memory, and how late their words come."""

import json
import struct
import tempfile
from pathlib import Path
from typing import Any, Final

import trio

from bench.faults.paying import Paying, paying
from bench.faults.verdict import Verdict

__all__ = ["run"]

_MIB: Final = 2**20
_MEBIBYTES: Final = 2048
_QUICK_MEBIBYTES: Final = 64
_QUIET_SECONDS: Final = 5
_PIECE: Final = bytes(_MIB // 4)
_LAG_MS: Final = 10
_MEMORY_MIB: Final = 32
# So that it is some twenty minutes long: as fast as sound is taken.
_RATE: Final = 384_000
_CHANNELS: Final = 2
_CREDIT_MS: Final = 10 * 3_600_000
_BOUNDARY: Final = "b0und4ry"
_ANSWER_SECONDS: Final = 600


async def run(verdict: Verdict) -> None:
    """A recording of that size, whose length is measured when it is there."""
    mebibytes = verdict.sized(_MEBIBYTES, _QUICK_MEBIBYTES)
    with tempfile.TemporaryDirectory(prefix="relayd-bench-") as directory:
        async with paying(verdict, _changes(directory)) as streams:
            token = (await streams.books.customer(_CREDIT_MS)).token
            await streams.begin()
            await trio.sleep(_QUIET_SECONDS)
            _tell(verdict, "before it", await streams.delays())
            idle_mib = _memory_mib(streams.daemon.pid)
            await streams.begin()
            begun = trio.current_time()
            peak_mib, answer = await _send(streams, token, mebibytes)
            seconds = trio.current_time() - begun
            words = await streams.delays()
            verdict.note("MiB sent", mebibytes)
            verdict.note(
                "MB a second, until it was measured", round(mebibytes * 1.048576 / seconds)
            )
            verdict.equal("it is taken", answer.get("status"), "queued")
            above = round(peak_mib - idle_mib, 1)
            verdict.at_most("memory above what it was", above, _MEMORY_MIB, "MiB")
            _tell(verdict, "beside it", words)


def _changes(directory: str) -> dict[str, dict[str, Any]]:
    return {"storage": {"directory": directory}, "batch": {"workers": 0}}


async def _send(streams: Paying, token: str, mebibytes: int) -> tuple[float, dict[str, object]]:
    """Send it; the most memory that the daemon had meanwhile, and what it answered."""
    head, tail = _form(mebibytes * _MIB)
    length = len(head) + mebibytes * _MIB + len(tail)
    peak_mib = 0.0
    async with await trio.open_tcp_stream("127.0.0.1", streams.daemon.port) as stream:
        await stream.send_all(
            f"POST /api/v1/transcribe HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
            f"Authorization: Bearer {token}\r\nContent-Length: {length}\r\n"
            f"Content-Type: multipart/form-data; boundary={_BOUNDARY}\r\n\r\n".encode()
            + head
        )
        for _ in range(mebibytes * _MIB // len(_PIECE)):
            await stream.send_all(_PIECE)
            peak_mib = max(peak_mib, _memory_mib(streams.daemon.pid))
        await stream.send_all(tail)
        with trio.fail_after(_ANSWER_SECONDS):
            answer = b"".join([part async for part in stream])
    content: dict[str, object] = json.loads(answer[answer.find(b"{") : answer.rfind(b"}") + 1])
    return peak_mib, content


def _form(size_bytes: int) -> tuple[bytes, bytes]:
    """What stands before and behind the sound, whose header is that of a WAV."""
    about = 'form-data; name="file"; filename="long.wav"\r\n\r\n'
    frame_bytes = 2 * _CHANNELS
    facts = (16, 1, _CHANNELS, _RATE, _RATE * frame_bytes, frame_bytes, 16)
    wav = b"RIFF" + struct.pack("<I", size_bytes + 36) + b"WAVEfmt "
    wav += struct.pack("<IHHIIHH", *facts) + b"data" + struct.pack("<I", size_bytes)
    head = f"--{_BOUNDARY}\r\nContent-Disposition: {about}".encode() + wav
    return head, f"\r\n--{_BOUNDARY}--\r\n".encode()


def _memory_mib(pid: int) -> float:
    """Resident, of the daemon alone: not of a child that opens a recording."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise ValueError("the daemon is gone")


def _tell(verdict: Verdict, name: str, words: dict[str, float]) -> None:
    verdict.note(f"{name}: delay of words, p50, ms", round(words["p50_ms"], 2))
    verdict.at_most(f"{name}: delay of words, p99", round(words["p99_ms"], 2), _LAG_MS, "ms")
