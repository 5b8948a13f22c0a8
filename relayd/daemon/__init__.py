"""One run of the program: everything opened in order, served, drained, and closed again."""

from relayd.daemon.daemon import run

__all__ = ["run"]
