"""`relayd demo`: the whole path, for real."""

import argparse
import io
import os
import signal
import tempfile
from pathlib import Path

import attrs
import pytest
import trio

from relayd.cli import demo
from relayd.cli.demonstration.configuration import demonstration_config, engine_settings
from relayd.cli.demonstration.performance import Demonstration, run
from relayd.cli.demonstration.text import Stage, invitation
from relayd.cli.toolkit.exits import Exit
from relayd.engines.selection import best_local, choose_engine


def parsed(*arguments: str) -> argparse.Namespace:
    """The command line of `relayd demo`."""
    parser = argparse.ArgumentParser()
    demo.add(parser.add_subparsers())
    return parser.parse_args(["demo", *arguments])


def key_file(directory: Path) -> Path:
    """A relayd.toml with a Deepgram key, as an operator has it."""
    path = directory / "relayd.toml"
    secrets = f'secret = "{"s" * 32}"\npepper = "{"p" * 32}"\n'
    path.write_text(f'[auth]\n{secrets}\n[engines.deepgram]\napi_key = "dg-key"\n')
    return path


def test_a_key_lying_about_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --config a local engine serves, though ./relayd.toml has a Deepgram key."""
    key_file(tmp_path)
    monkeypatch.chdir(tmp_path)
    choice, engines = engine_settings(None, None)
    made = demonstration_config(tmp_path, choice, engines)
    assert choose_engine(made).name == best_local()
    assert not made.engines.deepgram.api_key


def test_config_says_the_engine(tmp_path: Path) -> None:
    """--config brings its engines, --engine chooses among them, and nothing else of it is used."""
    path = str(key_file(tmp_path))
    made = demonstration_config(tmp_path, *engine_settings(path, None))
    assert choose_engine(made).name == "deepgram"
    assert made.auth.secret.reveal() != "s" * 32
    assert made.database.data_directory.is_relative_to(tmp_path)
    named = demonstration_config(tmp_path, *engine_settings(path, "sphinx"))
    assert choose_engine(named).name == "sphinx"


def test_deepgram_needs_a_config(capsys: pytest.CaptureFixture[str]) -> None:
    """--engine deepgram alone is a usage error that says what is missing."""
    options = parsed("--engine", "deepgram")
    with pytest.raises(SystemExit) as caught:
        options.run(options)
    assert caught.value.code == 2
    assert "give --config" in capsys.readouterr().err


def test_the_invitation_is_complete() -> None:
    """It holds address, email, password, a command line, and Python that compiles."""
    text = invitation("http://127.0.0.1:1", "e@x", "pw")
    assert "relayd transcribe FILE --server http://127.0.0.1:1 --email e@x" in text
    assert "    password   pw\n" in text
    assert "curl -s http://127.0.0.1:1/api/v1/transcribe" in text
    assert "recording.wav" in text
    code = "    import trio" + text.partition("    import trio")[2]
    compile("\n".join(line[4:] for line in code.splitlines()), "invitation", "exec")


@attrs.define(eq=False)
class Performance:
    """A demo whose output is kept, and what it left in the temporary directory."""

    output: io.StringIO = attrs.field(factory=io.StringIO)

    def demonstration(self, *, keep: bool = False) -> Demonstration:
        """With the engine that people get."""
        choice, engines = engine_settings(None, None)
        return Demonstration(
            choice=choice,
            engines=engines,
            keep=keep,
            stage=Stage(self.output),
        )


def left_behind() -> list[str]:
    """Directories of demos, and processes that name one."""
    directory = Path(tempfile.gettempdir())
    names = [one.name for one in directory.glob("relayd-demo-*")]
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes()
        except OSError:
            continue
        if str(directory).encode() in command:
            names.append(str(path))
    return names


@pytest.fixture
def own_temporary_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Temporary directories of this test only, so that what is left is its own."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.mark.system
@pytest.mark.usefixtures("own_temporary_directory")
async def test_the_whole_path() -> None:
    """Words with their times, the charge, the credit left and balanced books; nothing stays."""
    performance = Performance()
    with trio.fail_after(90):
        assert await run(performance.demonstration()) is Exit.OK
    shown = performance.output.getvalue()
    assert "hello" in shown.lower()
    assert "that you use" in shown
    assert "charged    9.111 s" in shown
    assert "left       590.889 s (9:50)" in shown
    # The same recording, as a file.
    assert "handed in whole: completed" in shown
    assert "charged    9.110 s" in shown
    assert "audit      balanced" in shown
    assert "\x1b" not in shown
    assert not left_behind()


@pytest.mark.system
@pytest.mark.usefixtures("own_temporary_directory")
async def test_ctrl_c_leaves_nothing() -> None:
    """SIGINT while it serves: exit code 130, and neither process nor directory stays."""
    performance = Performance()
    demonstration = performance.demonstration(keep=True)
    codes: list[Exit] = []

    async def perform() -> None:
        codes.append(await run(demonstration))

    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(perform)
            await demonstration.serving.wait()
            os.kill(os.getpid(), signal.SIGINT)
    assert codes == [Exit.INTERRUPTED]
    assert not left_behind()
