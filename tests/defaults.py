"""What a relay runs with whose operator configured nothing, and what differs for one test.

There is one source of defaults, `relayd.config`: nothing here states a figure.
"""

from typing import Any

import attrs

from relayd import config
from relayd.daemon.settings import edge_settings, session_limits
from relayd.edge.settings import EdgeSettings
from relayd.session.limits import SessionLimits

__all__ = ["edge", "limits"]


def limits(**changes: Any) -> SessionLimits:
    """The bounds of a session, but for these."""
    return attrs.evolve(session_limits(config.Limits(), config.Metering()), **changes)


def edge(**changes: Any) -> EdgeSettings:
    """The bounds of a connection, but for these."""
    return attrs.evolve(edge_settings(config.Server(), config.Limits()), **changes)
