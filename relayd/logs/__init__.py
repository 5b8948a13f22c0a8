"""Structured lines on standard output: an event, then its facts as key=value, or JSON.

get             the source of a module's events; `Log` is what it returns
configure       events straight to a stream: the operator's commands
in_background   events through a bounded queue and a thread of its own: the daemon
"""

from relayd.logs.output import configure, in_background
from relayd.logs.source import Log, get

__all__ = ["Log", "configure", "get", "in_background"]
