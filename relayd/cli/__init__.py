"""The command line: one file per command group, each with ``add(subparsers)``.

`toolkit` is what they share, `demonstration` what `relayd demo` shows.

Nothing heavy is imported before a command needs it, so that ``--help`` is quick.
"""

from relayd.cli.program import main

__all__ = ["main"]
