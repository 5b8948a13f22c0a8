"""Words that nobody said: always the same, within the audio."""

from pathlib import Path

import pytest

from relayd.engines.pretend.engine import Pretend
from relayd.errors import EngineFailed
from relayd.speech.files import FileRequest
from tests.media.files import wav

REQUEST = FileRequest("pretend")


async def test_words_come_by_the_length(tmp_path: Path) -> None:
    """A sentence every five seconds, cut off where the audio ends, and the same every time."""
    path = tmp_path / "sound.wav"
    path.write_bytes(wav(bytes(32 * 6_100)))
    reached: list[int] = []

    first = await Pretend().transcribe(path, REQUEST, reached.append)
    second = await Pretend().transcribe(path, REQUEST, reached.append)

    assert first == second
    assert first.text == "These are pretended words, not what was said. These are"
    assert first.duration_ms == 6_100
    assert [one.start_ms for one in first.segments] == [0, 5_000]
    assert max(word.end_ms for word in first.words) <= 6_100
    assert reached == [6_100, 6_100]


@pytest.mark.parametrize("length_ms", [0, 1, 399])
async def test_nothing_is_said_in_no_time(tmp_path: Path, length_ms: int) -> None:
    """Less than a word is silence."""
    path = tmp_path / "sound.wav"
    path.write_bytes(wav(bytes(32 * length_ms)))
    assert (await Pretend().transcribe(path, REQUEST, lambda _: None)).segments == ()


async def test_what_is_no_sound_is_a_failure(tmp_path: Path) -> None:
    """As with any other engine."""
    with pytest.raises(EngineFailed):
        await Pretend().transcribe(tmp_path / "nothing", REQUEST, lambda _: None)
