"""`relayd jobs`: one's recordings on a server, and an end to one of them."""

import argparse
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from relayd.cli.toolkit.account_options import add_server, server_of, sign_in_problem, signing_in
from relayd.cli.toolkit.exits import Exit
from relayd.cli.toolkit.options import Subparsers, add_command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from relayd.client.files import Job

__all__ = ["add", "run", "shown"]

_MOST = 200


def add(subparsers: Subparsers) -> None:
    """Register `jobs`."""
    command = add_command(
        subparsers,
        "jobs",
        _run,
        summary="list one's recordings on a server, or end one",
        details=(
            "List the recordings that this account handed in, newest first: id, state, length,\n"
            "cost, place or progress, name. One of them can be called off or deleted."
        ),
        examples=(
            "  relayd jobs --email you@example.org\n"
            "  relayd jobs --token-file token --status failed\n"
            "  relayd jobs --token-file token --words 5f0c1c52-5b0e-4d0c-9d51-6f1d7c1c9a10"
        ),
    )
    what = command.add_mutually_exclusive_group()
    what.add_argument("--words", metavar="ID", help="print the words of this one")
    what.add_argument("--cancel", metavar="ID", help="call this one off")
    what.add_argument("--delete", metavar="ID", help="remove audio and words of this one")
    command.add_argument(
        "--status", choices=("queued", "processing", "completed", "failed", "cancelled")
    )
    command.add_argument("--format", metavar="F", help="of --words, such as srt")
    command.add_argument("--most", metavar="N", type=_most, default=20, help="list at most so many")
    add_server(command)
    command.set_defaults(fault=command.error)


def _run(arguments: argparse.Namespace) -> int:
    if problem := sign_in_problem(arguments):
        arguments.fault(problem)
    arguments.server = server_of(arguments)
    sign_in = signing_in(arguments)
    import trio

    from relayd.client.errors import ClientError, RequestError

    try:
        print(trio.run(run, arguments, sign_in), end="")
    except RequestError as error:
        print(f"relayd: {error.message} ({error.code})", file=sys.stderr)
        return Exit.NOT_WELL
    except ClientError as error:
        print(f"relayd: {error}", file=sys.stderr)
        return Exit.UNREACHABLE
    return Exit.OK


async def run(arguments: argparse.Namespace, sign_in: Callable[[], Awaitable[str]]) -> str:
    """Do what was asked; what is to be printed. Raises `ClientError`."""
    from relayd.client.files import open_files

    async with open_files(arguments.server, await sign_in()) as files:
        if arguments.words:
            words = await files.words(arguments.words, arguments.format)
            return words if words.endswith("\n") else f"{words}\n"
        if arguments.cancel:
            return shown([await files.cancel(arguments.cancel)])
        if arguments.delete:
            await files.delete(arguments.delete)
            return f"deleted {arguments.delete}\n"
        filters = {"status": arguments.status} if arguments.status else {}
        return shown(await files.recent(arguments.most, **filters))


def shown(jobs: "Sequence[Job]") -> str:
    """A line for each."""
    from relayd.cli.handing_in import standing
    from relayd.cli.toolkit.live_line import clock

    lines = []
    for job in jobs:
        length = "?" if job.duration_seconds is None else clock(job.duration_seconds)
        why = job.error["message"] if job.error else standing(job)
        lines.append(f"{job.id}  {length:>8}  {_harmless(why)}  {_harmless(job.name)}\n")
    return "".join(lines) or "no recordings\n"


def _harmless(text: str) -> str:
    """Nothing that a terminal would act on."""
    return "".join(one for one in text if one.isprintable())


def _most(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() else 0
    if not 1 <= number <= _MOST:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 to {_MOST}")
    return number
