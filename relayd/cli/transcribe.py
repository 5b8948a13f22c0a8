"""`relayd transcribe`: audio to a relayd server at live pace, words back."""

import argparse
import getpass
import json
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from relayd.cli.options import Subparsers, add_command, load

if TYPE_CHECKING:
    from relayd.cli.transcribing import Source

__all__ = ["add"]

_DEFAULT_SERVER = "http://127.0.0.1:8080"
_SLOWEST, _FASTEST = 0.1, 4.0


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
            "  relayd transcribe --microphone --email you@example.org"
        ),
    )
    # Else --token would be short for --token-file, and a token typed there shown as a file's name.
    command.allow_abbrev = False
    command.add_argument(
        "file", metavar="FILE", nargs="?", help="the recording, or - for standard input"
    )
    command.add_argument("--microphone", action="store_true", help="listen instead of a FILE")
    command.add_argument(
        "--server",
        metavar="URL",
        type=_server,
        default=os.environ.get("RELAYD_SERVER"),
        help=f"the relayd server (else RELAYD_SERVER, then --config's, then {_DEFAULT_SERVER})",
    )
    command.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        help="take the server's address from its configuration, on the server itself",
    )
    who = command.add_argument_group("who pays")
    who.add_argument("--token-file", metavar="F", type=Path, help="a file with an access token")
    who.add_argument("--email", metavar="E", help="sign in with this account and its password")
    who.add_argument(
        "--password-stdin", action="store_true", help="read the password from standard input"
    )
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
    out.add_argument("--format", choices=("text", "jsonl", "srt"), default="text")
    out.add_argument("--output", metavar="F", type=Path, help="write the words to this file")
    out.add_argument("--quiet", action="store_true", help="no progress, errors only")


def _run(arguments: argparse.Namespace) -> int:
    if problem := _problem(arguments):
        arguments.fault(problem)
    arguments.server = arguments.server or _configured_server(arguments)
    sign_in = _sign_in(arguments)
    try:
        output = arguments.output.open("w", encoding="utf-8") if arguments.output else sys.stdout
    except OSError as error:
        arguments.fault(f"can't write {arguments.output}: {error.strerror}")
    import trio

    from relayd.cli.live_line import LiveLine
    from relayd.cli.transcribing import Transcribing, run
    from relayd.client import FORMATS, Address

    if Address.parse(arguments.server).exposed:
        print(
            "relayd: warning: http:// shows sign-in and audio to the network; use https://",
            file=sys.stderr,
        )
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
    try:
        return trio.run(run, job)
    finally:
        if output is not sys.stdout:
            output.close()


def _problem(arguments: argparse.Namespace) -> str | None:
    """What is wrong with the combination of options."""
    if arguments.microphone == (arguments.file is not None):
        return "give a FILE (or - for standard input) or --microphone"
    if arguments.password_stdin and arguments.file == "-":
        return "standard input can't be both the password and the audio"
    if arguments.password_stdin and not arguments.email:
        return "--password-stdin goes with --email"
    if arguments.email and arguments.token_file:
        return "--email and --token-file are two ways to sign in: give one"
    if not (arguments.email or arguments.token_file or os.environ.get("RELAYD_TOKEN")):
        return "sign in with --email, or give a token by --token-file or RELAYD_TOKEN"
    return None


def _sign_in(arguments: argparse.Namespace) -> Callable[[], Awaitable[str]]:
    """How to get the access token; what must be asked of a person or a file is asked now."""
    password = token = ""
    if arguments.email and arguments.password_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    elif arguments.email:
        password = getpass.getpass(f"password of {arguments.email}: ")
    elif arguments.token_file:
        try:
            token = arguments.token_file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            arguments.fault(f"can't read a token from {arguments.token_file}")
    else:
        token = os.environ["RELAYD_TOKEN"].strip()
    if not (token or password):
        arguments.fault("the token or password is empty")

    async def sign_in() -> str:
        if token:
            return token
        import trio

        from relayd.client import Accounts, RequestError

        accounts = Accounts(arguments.server)
        try:
            tokens = await accounts.login(arguments.email, password)
        except RequestError as refused:
            if refused.code != "code_needed" or not sys.stdin.isatty():
                raise
            code = await trio.to_thread.run_sync(input, "code of the authenticator app: ")
            tokens = await accounts.login(arguments.email, password, code=code)
        return tokens.access_token

    return sign_in


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


def _configured_server(arguments: argparse.Namespace) -> str:
    """Where the configured daemon is reached from this machine."""
    if arguments.config is None:
        return _DEFAULT_SERVER
    server = load(arguments).server
    if server.public_url:
        return server.public_url
    if not server.addresses:
        # Only systemd knows where an inherited socket listens.
        return _DEFAULT_SERVER
    host, port = server.addresses[0]
    host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    scheme = "https" if server.tls_certificate else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def _server(text: str) -> str:
    from relayd.client.transport import Address

    try:
        return str(Address.parse(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


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
