"""Which server a command asks, and as whom: options that several commands share."""

import argparse
import getpass
import os
import sys
import warnings
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from relayd.cli.toolkit.options import load

__all__ = ["add_server", "server_of", "sign_in_problem", "signing_in"]

_DEFAULT_SERVER: Final = "http://127.0.0.1:8080"


def add_server(command: argparse.ArgumentParser) -> None:
    """Add the options; no secret ever stands on the command line."""
    # Else --token would be short for --token-file, and a token typed there shown as a file's name.
    command.allow_abbrev = False
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
    who.add_argument(
        "--token-file", metavar="F", type=Path, help="a file with an access token or API key"
    )
    who.add_argument("--email", metavar="E", help="sign in with this account and its password")
    who.add_argument(
        "--password-stdin", action="store_true", help="read the password from standard input"
    )


def sign_in_problem(arguments: argparse.Namespace) -> str | None:
    """What is wrong with the combination of options."""
    if arguments.password_stdin and not arguments.email:
        return "--password-stdin goes with --email"
    if arguments.email and arguments.token_file:
        return "--email and --token-file are two ways to sign in: give one"
    if not (arguments.email or arguments.token_file or os.environ.get("RELAYD_TOKEN")):
        return "sign in with --email, or give a token by --token-file or RELAYD_TOKEN"
    return None


def signing_in(arguments: argparse.Namespace) -> Callable[[], Awaitable[str]]:
    """How to get the access token; what must be asked of a person or a file is asked now."""
    password = token = ""
    if arguments.email and arguments.password_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    elif arguments.email:
        password = _asked_password(arguments)
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


def server_of(arguments: argparse.Namespace) -> str:
    """The server that was named, by option, environment or configuration."""
    return arguments.server or _configured_server(arguments)


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


def _asked_password(arguments: argparse.Namespace) -> str:
    """From the terminal, which is there also where the recording comes by standard input."""
    try:
        with warnings.catch_warnings():
            # Of a terminal that would show it, and where there is none.
            warnings.simplefilter("error", getpass.GetPassWarning)
            return getpass.getpass(f"password of {arguments.email}: ")
    except (getpass.GetPassWarning, EOFError):
        other = "use --password-stdin, --token-file or RELAYD_TOKEN"
        arguments.fault(f"there is no terminal to ask for the password: {other}")
        raise
