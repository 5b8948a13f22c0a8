"""The ggml files of a directory."""

from pathlib import Path

import pytest

from relayd import config
from relayd.engines.whispercpp.models import file_models
from relayd.engines.whispercpp.shelf import Shelf

GGML = b"lmgg" + bytes(60)


def test_files_are_found_by_what_is_in_them(tmp_path: Path) -> None:
    """Any name will do; what is no model is none, and neither is half a download."""
    for name in ("ggml-base.bin", "ggml-tiny.en.bin", "mine.bin"):
        (tmp_path / name).write_bytes(GGML)
    (tmp_path / "other.bin").write_bytes(b"GGUF" + bytes(60))
    (tmp_path / "ggml-small.bin.part").write_bytes(GGML)
    (tmp_path / "empty.bin").touch()

    found = list(Shelf(tmp_path).files())

    assert [one.name for one in found] == ["base", "tiny.en", "mine"]
    assert [one.english_only for one in found] == [False, True, False]
    assert found[0].size_bytes == 64


def test_an_absent_directory_is_empty(tmp_path: Path) -> None:
    """Nobody has to make one."""
    assert list(Shelf(tmp_path / "models").files()) == []
    assert Shelf(tmp_path / "models").find("base") is None


@pytest.mark.parametrize("name", ["", "../etc/passwd", "a/b", ".hidden", "a" * 101, "naïve"])
def test_a_name_is_no_path(tmp_path: Path, name: str) -> None:
    """Nothing outside of the directory is ever written."""
    with pytest.raises(ValueError, match="letters"):
        Shelf(tmp_path).place(name)


def test_cores_are_shared_out(tmp_path: Path) -> None:
    """Each file is a model whose process has its share of threads, or as many as are set."""
    (tmp_path / "ggml-base.bin").write_bytes(GGML)
    settings = config.WhisperCpp(directory=tmp_path, threads=3)
    model = file_models(settings, slots=2)["base"]
    assert model.command[-2:] == (str(tmp_path / "ggml-base.bin"), "3")
    shared = file_models(config.WhisperCpp(directory=tmp_path), slots=10_000)["base"]
    assert shared.command[-1] == "1"
    assert {"de", "haw", "yue"} < set(shared.languages)
    assert len(shared.languages) == 100
