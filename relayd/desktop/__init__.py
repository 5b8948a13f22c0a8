"""The window of relayd-client: live captions for a user without any app, and its parts for apps.

program    the command: ``relayd-desktop``, or ``relayd desktop``
window     captions, level, balance; copied and saved
panel      the settings panel that any Qt app can place: where words come from
pages      one page of it for each way: this machine, a relay, one's own key
captions   what was said, as text and as subtitles; knows no Qt
errands    what waits for the network or a keyring, off the GUI's thread
remembered what is kept from one start to the next
"""

import argparse
import sys

__all__ = ["command", "main"]


def command() -> int:
    """``relayd`` where only the client is installed: the server's has this command among others."""
    parser = argparse.ArgumentParser(prog="relayd", description="Live captions in a window.")
    parser.add_argument("command", choices=["desktop"], help="open the window")
    parser.parse_args()
    return main()


def main() -> int:
    """Open the window; the exit code is that of the program."""
    try:
        from relayd.desktop.program import run  # noqa: PLC0415 - Qt is optional
    except ImportError as error:
        sys.stderr.write(
            "relayd: the window needs Qt: install it with  pip install 'relayd-client[qt]',"
            f" or 'relayd[desktop]' beside a server  ({error})\n"
        )
        return 2
    return run(sys.argv[:1])
