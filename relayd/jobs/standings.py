"""How each file engine stands, for all workers: one that asked for a pause is left alone by all."""

from relayd.database.ports import Connection
from relayd.speech.fallback import EngineStanding

__all__ = ["read", "record"]


def read(connection: Connection) -> dict[str, EngineStanding]:
    """Those that are to be left alone now, by the engine's name and in its order."""
    rows = connection.execute(
        "SELECT engine, until, reason, off FROM engine_standings WHERE until > now() ORDER BY 1"
    ).fetchall()
    return {row[0]: EngineStanding(*row[1:]) for row in rows}


def record(connection: Connection, engine: str, standing: EngineStanding) -> None:
    """Leave an engine alone until then; an earlier end changes nothing."""
    connection.execute(
        """
        INSERT INTO engine_standings (engine, until, reason, off)
        VALUES (%(engine)s, %(until)s, %(reason)s, %(off)s)
        ON CONFLICT (engine) DO UPDATE
        SET until = excluded.until, reason = excluded.reason, off = excluded.off
        WHERE engine_standings.until < excluded.until
        """,
        {
            "engine": engine,
            "until": standing.until,
            "reason": standing.reason,
            "off": standing.off,
        },
    )
