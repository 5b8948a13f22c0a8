"""What there is to say of a session once it is over."""

from uuid import UUID

import attrs

from relayd.errors import UpstreamError
from relayd.identity import Principal
from relayd.session.endings import EndReason

__all__ = ["Report"]


@attrs.define(eq=False)
class Report:
    """What there is to say of a session in the log: one line, every number on it."""

    session_id: UUID
    address: str
    reason: EndReason | None = None
    principal: Principal | None = None
    engine: str | None = None
    model: str | None = None
    # Milliseconds of credit for a second of audio; `used_ms` is credit.
    rate: int | None = None
    seconds: float = 0.0
    used_ms: int = 0
    reported_ms: int | None = None
    audio_bytes: int = 0
    results: int = 0
    # How often an engine failed and another one, or the same again, went on.
    engine_changes: int = 0
    malformed: int = 0
    # How often its app came back with another connection.
    returns: int = 0
    renewals: int = 0
    renewal_failures: int = 0
    # None: there was nothing to settle. False: the registry has to go on trying; the session was
    # opened, or may have been.
    settled: bool | None = None
    upstream_error: UpstreamError | None = None
    fault: BaseException | None = None
