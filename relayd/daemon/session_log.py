"""The line in the log that every session leaves, whatever ended it."""

from relayd import logs
from relayd.session.report import Report

__all__ = ["log_end"]

log = logs.get(__name__)


def log_end(report: Report) -> None:
    """One line for the session, every number on it; a fault of ours has its traceback beside it."""
    if report.fault is not None:
        log.fault("session failed", report.fault, session=report.session_id)
    assert report.reason is not None
    log.info(
        "session ended",
        reason=report.reason.label,
        session=report.session_id,
        user=None if report.principal is None else report.principal.user_id,
        address=report.address,
        engine=report.engine,
        model=report.model,
        rate=report.rate,
        seconds=report.seconds,
        used_ms=report.used_ms,
        reported_ms=report.reported_ms,
        audio_bytes=report.audio_bytes,
        results=report.results,
        engine_changes=report.engine_changes,
        malformed=report.malformed,
        returns=report.returns,
        renewals=report.renewals,
        renewal_failures=report.renewal_failures,
        settled=report.settled,
        problem=report.upstream_error,
    )
