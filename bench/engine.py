"""The stand-in engine: Deepgram's live protocol, as far as a healthy stream needs it.

``python -m bench.engine`` prints ``{"port": …}`` and answers ``mark`` (its counts) and ``delays``
(of the audio between the last two marks); with a certificate it speaks TLS. The tests' stand-in
does far more and costs several times as much per frame; here only the relay may be slow. One
result for every 250 ms of audio, three interim ones and then a final one, of the shape and size
of real ones. Several may share a port: the kernel deals the streams out.
"""

import argparse
import socket
import ssl
import time
from functools import partial
from typing import Final

import attrs

from bench.loop import Loop, Peer, say
from bench.stamps import STAMP_BYTES, Delays, in_words, of_audio
from bench.wire import BINARY, CLOSE, PING, PONG, TEXT, Frame, accept_response, frame, xor

__all__ = ["BYTES_PER_MS", "main"]

# linear16 at 16 kHz, one channel.
BYTES_PER_MS: Final = 32
_RESULTS_PER_FINAL: Final = 4
_BACKLOG: Final = 1024
_SPOKEN: Final = ("said", "about", "the")

_WORD: Final = (
    '{"word":"%(word)s","start":%(at).3f,"end":%(end).3f,"confidence":0.98876953,'
    '"punctuated_word":"%(word)s"}'
)
_RESULT: Final = (
    '{"type":"Results","channel_index":[0,1],"duration":%(duration).3f,"start":%(start).3f,'
    '"is_final":%(final)s,"speech_final":%(final)s,"channel":{"alternatives":[{"transcript":'
    '"%(text)s","confidence":0.99121094,"words":[%(words)s]}]},"metadata":{"request_id":'
    '"5479abb0-2f31-4e33-a3a3-0f3fd1d5a1f1","model_info":{"name":"general-nova-3","version":'
    '"2025-07-31.0","arch":"nova-3"},"model_uuid":"96a295ec-6336-43d5-b1cb-1e48b5e6d9a4"},'
    '"from_finalize":false}'
)
_METADATA: Final = (
    '{"type":"Metadata","transaction_key":"deprecated","request_id":"5479abb0-2f31-4e33-a3a3-'
    '0f3fd1d5a1f1","sha256":"","created":"2026-01-01T00:00:00.000Z","duration":%.3f,"channels":1}'
)


def result(index: int, stamp: int, seconds: float = 0.25) -> bytes:
    """The result after ``index`` + 1 times so many seconds; an interim one restates its window."""
    part = index % _RESULTS_PER_FINAL
    start = (index - part) * seconds
    spoken = [*_SPOKEN[:part], in_words(stamp)]
    words = ",".join(
        _WORD % {"word": word, "at": start + n * seconds, "end": start + (n + 0.8) * seconds}
        for n, word in enumerate(spoken)
    )
    facts = {
        "start": start,
        "duration": (part + 1) * seconds,
        "final": "true" if part == _RESULTS_PER_FINAL - 1 else "false",
        "text": " ".join(spoken),
        "words": words,
    }
    return frame(TEXT, (_RESULT % facts).encode())


@attrs.define(eq=False)
class Tally:
    """What all streams count together since the start, of frames and results of these lengths."""

    frame_bytes: int
    result_ms: int
    delays: Delays = attrs.field(factory=Delays)
    audio_bytes: int = 0
    results: int = 0

    def mark(self) -> dict[str, int]:
        """The counts."""
        self.delays.mark()
        return {"frames": self.audio_bytes // self.frame_bytes, "results": self.results}


@attrs.define(eq=False)
class Hearing:
    """One stream."""

    peer: Peer = attrs.field(init=False)
    tally: Tally
    audio_bytes: int = 0
    results: int = 0

    def answer(self, head: bytes) -> None:
        """Accept the upgrade."""
        self.peer.send(accept_response(head))

    def hear(self, one: Frame) -> None:
        """Audio, or a word about it."""
        if one.opcode == BINARY:
            self._hear_audio(one)
        elif one.opcode == TEXT and b"CloseStream" in one.data:
            metadata = _METADATA % (self.audio_bytes / BYTES_PER_MS / 1000)
            goodbye = frame(CLOSE, (1000).to_bytes(2, "big"))
            self.peer.send(frame(TEXT, metadata.encode()) + goodbye)
        elif one.opcode == PING:
            self.peer.send(frame(PONG, one.data))
        elif one.opcode == CLOSE:
            self.peer.send(frame(CLOSE, one.data))
            self.peer.end()

    def end(self) -> None:
        """Nothing is left to do."""

    def _hear_audio(self, one: Frame) -> None:
        # Relays may cut the audio anew: stamps stand where the client's frames began.
        step = self.tally.frame_bytes
        for at in range(-self.audio_bytes % step, len(one.payload), step):
            stamp = one.payload[at : at + STAMP_BYTES]
            turned = one.mask[at % 4 :] + one.mask[: at % 4]
            if len(stamp) == STAMP_BYTES:
                self.tally.delays.note(of_audio(xor(stamp, turned)))
        self.audio_bytes += len(one.payload)
        self.tally.audio_bytes += len(one.payload)
        result_ms = self.tally.result_ms
        while self.audio_bytes >= (self.results + 1) * result_ms * BYTES_PER_MS:
            self.peer.send(result(self.results, time.monotonic_ns(), result_ms / 1000))
            self.results += 1
            self.tally.results += 1


@attrs.define(eq=False)
class Engine:
    """All streams."""

    tally: Tally
    port: int
    tls: ssl.SSLContext | None
    loop: Loop = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.loop = Loop(self._command)

    def serve(self) -> None:
        """Until standard input ends."""
        listener = socket.create_server(("127.0.0.1", self.port), backlog=_BACKLOG, reuse_port=True)
        listener.setblocking(False)
        self.loop.watch(listener, 1, partial(self._accept, listener))
        say(port=listener.getsockname()[1])
        self.loop.run()

    def _accept(self, listener: socket.socket, events: int) -> None:
        try:
            sock, _ = listener.accept()
        except BlockingIOError:
            return
        if self.tls:
            sock = self.tls.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        hearing = Hearing(self.tally)
        hearing.peer = Peer(self.loop, sock, hearing.answer, hearing.hear, hearing.end)

    def _command(self, line: str) -> None:
        if line == "mark":
            say(**self.tally.mark())
        elif line == "delays":
            say(**self.tally.delays.percentiles())


def main() -> None:
    """Serve as a process of its own."""
    parser = argparse.ArgumentParser(prog="python -m bench.engine", description=__doc__)
    parser.add_argument("--frame-ms", type=int, default=100, help="that the clients' frames have")
    parser.add_argument("--result-ms", type=int, default=250, help="of audio that a result is for")
    parser.add_argument("--port", type=int, default=0, help="shared by all that are told the same")
    parser.add_argument("--certificate", metavar="FILE", help="speak TLS with it")
    parser.add_argument("--key", metavar="FILE", help="that belongs to it")
    arguments = parser.parse_args()
    context = None
    if arguments.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(arguments.certificate, arguments.key)
    tally = Tally(arguments.frame_ms * BYTES_PER_MS, arguments.result_ms)
    Engine(tally, arguments.port, context).serve()


if __name__ == "__main__":
    main()
