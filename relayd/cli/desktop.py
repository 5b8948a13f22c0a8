"""`relayd desktop`: a small window of live captions."""

import argparse

from relayd.cli.toolkit.options import Subparsers, add_command

__all__ = ["add"]


def add(subparsers: Subparsers) -> None:
    """Register `desktop`."""
    add_command(
        subparsers,
        "desktop",
        _run,
        summary="show live captions of the microphone in a window",
        details=(
            "Open a window that listens to the microphone and shows what is said: by an engine on\n"
            "this computer, through a relay, or with one's own Deepgram key. It is a client and\n"
            "needs no configuration file; what it needs of Qt comes with the extra `desktop`."
        ),
        examples="  relayd desktop",
    )


def _run(arguments: argparse.Namespace) -> int:
    from relayd.desktop import main

    return main()
