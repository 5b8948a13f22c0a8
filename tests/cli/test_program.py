"""The command line as a whole: relayd/cli/program.py and toolkit/."""

import argparse
import subprocess
import sys
from collections.abc import Iterator

import pytest

import relayd
from relayd.cli.program import main, parser
from relayd.cli.toolkit.exits import Exit, explain
from relayd.errors import ConfigError, DatabaseUnavailable, UpstreamUnavailable


def commands(under: argparse.ArgumentParser, name: str) -> Iterator[tuple[str, ...]]:
    """Every command below a parser, as the words that name it."""
    inner = [one for one in under._actions if isinstance(one, argparse._SubParsersAction)]
    if not inner:
        yield tuple(name.split())
    for action in inner:
        for word, below in action.choices.items():
            yield from commands(below, f"{name} {word}")


COMMANDS = tuple(commands(parser(), ""))


def test_every_command_of_the_manual_is_there() -> None:
    """What the documents promise can be called."""
    named = {" ".join(one) for one in COMMANDS}
    accounts = {"user add", "user list", "user disable", "user password", "user delete"}
    credit = {"credit grant", "credit adjust", "plans list", "plans show", "plans give"}
    others = {"init", "check", "migrate", "serve", "demo", "transcribe", "sessions", "audit"}
    assert accounts | credit | others <= named


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help(
    command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """It says what it does, how it is called, and what its exit codes mean."""
    with pytest.raises(SystemExit) as ended:
        main([*command, "--help"])
    assert ended.value.code == Exit.OK
    told = capsys.readouterr().out
    assert "examples:\n  relayd" in told or "examples:\n  sudo" in told
    assert "exit codes:" in told
    assert max(len(line) for line in told.splitlines()) <= 100


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    """`--version` names program and version."""
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"relayd {relayd.__version__}\n"


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["serve", "--nonsense"], ["user"]])
def test_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """It ends with 2 and the right usage on standard error."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == Exit.USAGE
    assert "usage: relayd" in capsys.readouterr().err


CONFIG_ERROR = ConfigError("log.level", "is wrong")


@pytest.mark.parametrize(
    ("error", "explained"),
    [
        (CONFIG_ERROR, (Exit.USAGE, "log.level: is wrong")),
        (ExceptionGroup("nursery", [CONFIG_ERROR]), (Exit.USAGE, "log.level: is wrong")),
        (DatabaseUnavailable("no database"), (Exit.UNREACHABLE, "no database")),
        (UpstreamUnavailable("no engine", "the hint"), (Exit.UNREACHABLE, "the hint")),
        (KeyboardInterrupt(), (Exit.INTERRUPTED, "")),
        (BaseExceptionGroup("nursery", [KeyboardInterrupt()]), (Exit.INTERRUPTED, "")),
        (ZeroDivisionError(), None),
        (ExceptionGroup("nursery", [CONFIG_ERROR, ZeroDivisionError()]), None),
    ],
)
def test_which_failure_is_which(error: BaseException, explained: tuple[Exit, str] | None) -> None:
    """The operator's faults are one line and a code, alone or in a group; a bug is not hidden."""
    assert explain(error) == explained


def test_an_operators_fault_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong path to the configuration: exit code 2, no traceback."""
    assert main(["check", "--config", "/nowhere/relayd.toml"]) == Exit.USAGE
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == "relayd: /nowhere/relayd.toml: can't be read: No such file or directory\n"


@pytest.mark.system
def test_help_imports_nothing_heavy() -> None:
    """`--help` is quick: no Trio, no Quart, no psycopg."""
    script = (
        "import sys\nfrom relayd.cli.program import parser\nparser().format_help()\n"
        "print(sorted({'trio', 'quart', 'psycopg', 'bcrypt', 'hypercorn'} & set(sys.modules)))"
    )
    ended = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert ended.stdout == "[]\n"
