"""The command line: one file per command group, each with ``add(subparsers)``.

Nothing heavy is imported before a command needs it, so that ``--help`` is quick.
"""

from relayd.cli.program import main

__all__ = ["main"]
