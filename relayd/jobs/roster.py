"""Which workers there are, and how many jobs each takes at once: what estimates go by."""

from uuid import UUID

from relayd.database.ports import Connection

__all__ = ["enlist"]


def enlist(connection: Connection, boot_id: UUID, slots: int) -> None:
    """Record a worker, whose boot is registered; it counts until that boot has ended."""
    connection.execute(
        """
        INSERT INTO workers (boot_id, slots) VALUES (%(boot)s, %(slots)s)
        ON CONFLICT (boot_id) DO UPDATE SET slots = %(slots)s
        """,
        {"boot": boot_id, "slots": slots},
    )
