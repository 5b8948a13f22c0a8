"""Raw audio of any format → 16 kHz mono linear16, which is what the English model hears.

Runs in the recogniser process. libav does the work: its codecs expand G.711, and one filter
graph mixes the channels down and resamples as a stream, so cutting the audio differently
changes nothing. Audio that already fits is passed through and libav is never loaded.
"""

from typing import TYPE_CHECKING, Final

from relayd.speech.formats import AudioFormat

if TYPE_CHECKING:
    from collections.abc import Iterator

    import av
    import av.filter

__all__ = ["MODEL_RATE", "Converter"]

MODEL_RATE: Final = 16_000

# How libav calls our encodings: G.711 is a codec of its own, the others are sample formats.
CODECS: Final = {"mulaw": "pcm_mulaw", "alaw": "pcm_alaw"}
SAMPLE_FORMATS: Final = {"linear16": "s16", "linear32": "flt"}

# Any other number of channels is only counted ("6C"): where they belong is of no interest.
NAMED_LAYOUTS: Final = {1: "mono", 2: "stereo"}


class Converter:
    """One stream's conversion. Keeps what a cut left of a sample until the rest comes."""

    def __init__(self, source: AudioFormat) -> None:
        self.source = source
        self._remainder = b""
        fits = (source.encoding, source.sample_rate, source.channels) == ("linear16", MODEL_RATE, 1)
        self._graph = None if fits else _Graph(source)

    def convert(self, audio: bytes) -> bytes:
        """Take audio of the source's format; return what of it is ready."""
        audio = self._remainder + audio
        whole = len(audio) - len(audio) % self.source.block_bytes
        self._remainder = audio[whole:]
        if whole == 0:
            return b""
        return audio[:whole] if self._graph is None else self._graph.convert(audio[:whole])

    def flush(self) -> bytes:
        """Return the last samples the resampler held back; nothing may follow."""
        return b"" if self._graph is None else self._graph.flush()


class _Graph:
    """libav: expand, mix down, resample."""

    def __init__(self, source: AudioFormat) -> None:
        import av  # noqa: PLC0415 - 20 MiB that most streams do without
        import av.filter  # noqa: PLC0415

        self._source = source
        self._layout = NAMED_LAYOUTS.get(source.channels, f"{source.channels}C")
        self._decoder: av.AudioCodecContext | None = None
        if source.encoding in CODECS:
            decoder = av.CodecContext.create(CODECS[source.encoding], "r")
            assert isinstance(decoder, av.AudioCodecContext)
            decoder.sample_rate = source.sample_rate
            decoder.layout = self._layout
            self._decoder = decoder
        sample_format = SAMPLE_FORMATS.get(source.encoding, "s16")
        self._sample_format = sample_format
        graph = av.filter.Graph()
        mixed = "+".join(f"{1 / source.channels}*c{n}" for n in range(source.channels))
        graph.link_nodes(
            graph.add(
                "abuffer",
                f"sample_rate={source.sample_rate}:sample_fmt={sample_format}"
                f":channel_layout={self._layout}:time_base=1/{source.sample_rate}",
            ),
            graph.add("pan", f"mono|c0={mixed}"),
            graph.add("aresample", str(MODEL_RATE)),
            graph.add("aformat", f"sample_fmts=s16:sample_rates={MODEL_RATE}:channel_layouts=mono"),
            graph.add("abuffersink"),
        ).configure()
        self._graph = graph

    def convert(self, audio: bytes) -> bytes:
        return b"".join(self._push(frame) for frame in self._frames(audio))

    def flush(self) -> bytes:
        return self._push(None)

    def _frames(self, audio: bytes) -> "Iterator[av.AudioFrame]":
        import av  # noqa: PLC0415

        if self._decoder is not None:
            yield from self._decoder.decode(av.Packet(audio))
            return
        samples = len(audio) // self._source.block_bytes
        frame = av.AudioFrame(self._sample_format, self._layout, samples)
        frame.sample_rate = self._source.sample_rate
        # libav pads a plane for its vector instructions.
        padding = frame.planes[0].buffer_size - len(audio)
        frame.planes[0].update(audio + bytes(padding))
        yield frame

    def _push(self, frame: "av.AudioFrame | None") -> bytes:
        import av  # noqa: PLC0415

        if frame is not None:
            frame.pts = None
        self._graph.push(frame)
        converted = bytearray()
        while True:
            try:
                ready = self._graph.pull()
            except (av.BlockingIOError, av.EOFError):
                return bytes(converted)
            assert isinstance(ready, av.AudioFrame)
            converted += bytes(ready.planes[0])[: ready.samples * 2]
