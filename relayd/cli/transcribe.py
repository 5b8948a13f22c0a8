"""`relayd transcribe`: audio to a relayd server at live pace, words back."""

import argparse
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from relayd.cli.toolkit.account_options import add_server, server_of, sign_in_problem, signing_in
from relayd.cli.toolkit.options import Subparsers, add_command

if TYPE_CHECKING:
    from relayd.cli.transcribing import Source

__all__ = ["add"]

_SLOWEST, _FASTEST = 0.1, 4.0
_LIVE_FORMATS = ("text", "jsonl", "srt")
_BATCH_FORMATS = ("text", "json", "verbose_json", "srt", "vtt", "html")


def add(subparsers: Subparsers) -> None:
    """Register `transcribe`."""
    command = add_command(
        subparsers,
        "transcribe",
        _run,
        summary="stream audio to a relayd server and print the words",
        details=(
            "Stream a recording of any format that PyAV reads, standard input or the microphone\n"
            "to a relayd server, as live, and print the words on standard output. Progress stands\n"
            "on standard error. Ctrl-C stops the audio and still prints the last words; a second\n"
            "Ctrl-C leaves at once. The exit code is 130 either way.\n\n"
            "An access token comes from --token-file or RELAYD_TOKEN; else --email signs in and\n"
            "asks for the password. Neither ever stands on the command line."
        ),
        examples=(
            "  relayd transcribe talk.mp3 --email you@example.org\n"
            "  relayd transcribe talk.mp3 --token-file token --format srt --output talk.srt\n"
            "  ffmpeg -i talk.mkv -f wav - | relayd transcribe - --token-file token\n"
            "  relayd transcribe --batch talk.mp3 --token-file token --format srt\n"
            "  relayd transcribe --microphone --email you@example.org"
        ),
    )
    command.add_argument(
        "file", metavar="FILE", nargs="?", help="the recording, or - for standard input"
    )
    command.add_argument(
        "--batch",
        action="store_true",
        help="hand the FILE in whole, wait for its turn, and print the words",
    )
    command.add_argument("--microphone", action="store_true", help="listen instead of a FILE")
    add_server(command)
    _add_wanted(command)
    command.set_defaults(fault=command.error)


def _add_wanted(command: argparse.ArgumentParser) -> None:
    what = command.add_argument_group("what is wanted")
    what.add_argument("--language", metavar="TAG", help="the language spoken, such as en-US")
    what.add_argument("--model", metavar="NAME", help="the engine's model")
    what.add_argument(
        "--option",
        metavar="KEY=VALUE",
        type=_option,
        action="append",
        default=[],
        help="any further option of the engine, such as smart_format=true; may be repeated",
    )
    what.add_argument(
        "--speed",
        metavar="N",
        type=_speed,
        default=1.0,
        help=f"faster than live, {_SLOWEST} to {_FASTEST:g}; Deepgram takes at most 1.25",
    )
    out = command.add_argument_group("output")
    out.add_argument(
        "--format",
        type=str.lower,
        choices=tuple(dict.fromkeys((*_LIVE_FORMATS, *_BATCH_FORMATS))),
        default="text",
        help=f"live {', '.join(_LIVE_FORMATS)}; with --batch {', '.join(_BATCH_FORMATS)}",
    )
    out.add_argument("--output", metavar="F", type=Path, help="write the words to this file")
    out.add_argument("--quiet", action="store_true", help="no progress, errors only")


def _run(arguments: argparse.Namespace) -> int:
    if problem := _problem(arguments):
        arguments.fault(problem)
    arguments.server = server_of(arguments)
    sign_in = signing_in(arguments)
    try:
        output = arguments.output.open("w", encoding="utf-8") if arguments.output else sys.stdout
    except OSError as error:
        arguments.fault(f"can't write {arguments.output}: {error.strerror}")
    from relayd.client import Address

    if Address.parse(arguments.server).exposed:
        print(
            "relayd: warning: http:// shows sign-in and audio to the network; use https://",
            file=sys.stderr,
        )
    try:
        if arguments.batch:
            return _hand_in(arguments, sign_in, output)
        return _stream(arguments, sign_in, output)
    finally:
        if output is not sys.stdout:
            output.close()


def _stream(
    arguments: argparse.Namespace, sign_in: Callable[[], Awaitable[str]], output: TextIO
) -> int:
    import trio

    from relayd.cli.toolkit.live_line import LiveLine
    from relayd.cli.transcribing import Transcribing, run
    from relayd.client import FORMATS

    job = Transcribing(
        server_url=arguments.server,
        sign_in=sign_in,
        open_source=_source(arguments),
        config=_config(arguments),
        writer=FORMATS[arguments.format](),
        output=output,
        line=LiveLine(sys.stderr, wanted=not arguments.quiet),
        speed=None if arguments.microphone else arguments.speed,
        quiet=arguments.quiet,
    )
    return trio.run(run, job)


def _hand_in(
    arguments: argparse.Namespace, sign_in: Callable[[], Awaitable[str]], output: TextIO
) -> int:
    import trio

    from relayd.cli.handing_in import HandingIn
    from relayd.cli.toolkit.live_line import LiveLine

    wishes = {
        "model": arguments.model,
        "language": arguments.language,
        "format": arguments.format,
        **{name: str(value) for name, value in arguments.option},
    }
    job = HandingIn(
        server_url=arguments.server,
        sign_in=sign_in,
        path=Path(arguments.file),
        wishes={name: value for name, value in wishes.items() if value},
        output=output,
        line=LiveLine(sys.stderr, wanted=not arguments.quiet),
    )
    return trio.run(job.run)


def _problem(arguments: argparse.Namespace) -> str | None:
    """What is wrong with the combination of options."""
    if arguments.microphone == (arguments.file is not None):
        return "give a FILE (or - for standard input) or --microphone"
    if arguments.password_stdin and arguments.file == "-":
        return "standard input can't be both the password and the audio"
    if arguments.batch and arguments.file in {None, "-"}:
        return "--batch takes a FILE: its length must be known"
    if arguments.batch and not Path(arguments.file).is_file():
        return f"there is no file {arguments.file}"
    if arguments.format not in (_BATCH_FORMATS if arguments.batch else _LIVE_FORMATS):
        return f"--format {arguments.format} is {'not ' if arguments.batch else ''}for --batch"
    return sign_in_problem(arguments)


def _source(arguments: argparse.Namespace) -> "Callable[[], Awaitable[Source]]":
    async def open_source() -> "Source":
        from relayd.client.microphone import Microphone
        from relayd.client.recording import Recording

        if arguments.microphone:
            return Microphone.ready()
        return await Recording.open(None if arguments.file == "-" else Path(arguments.file))

    return open_source


def _config(arguments: argparse.Namespace) -> dict[str, Any]:
    config: dict[str, Any] = {
        "encoding": "linear16",
        "sample_rate": 16_000,
        "channels": 1,
        "interim_results": True,
    }
    for key in ("language", "model"):
        if getattr(arguments, key) is not None:
            config[key] = getattr(arguments, key)
    return config | dict(arguments.option)


def _option(text: str) -> tuple[str, Any]:
    """KEY=VALUE, the value as JSON where it is some, else as text."""
    key, separator, value = text.partition("=")
    if not separator or not key:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not _SLOWEST <= speed <= _FASTEST:
        raise argparse.ArgumentTypeError(f"must be a number from {_SLOWEST} to {_FASTEST:g}")
    return speed
