"""The steps of a session, as tests of a ledger take them."""

from uuid import UUID, uuid4

from relayd.identity import Principal
from relayd.session.endings import EndReason
from relayd.session.ports import Ledger, Opened, OpenRequest, Renewed, Settlement

__all__ = ["end_of", "opened", "renewed", "request_of"]


def request_of(who: Principal, session_id: UUID | None = None) -> OpenRequest:
    """A session about to start."""
    return OpenRequest(session_id or uuid4(), who, "engine", "model", "192.0.2.1")


def end_of(session_id: UUID, used_ms: int, reason: EndReason = EndReason.COMPLETED) -> Settlement:
    """A session that ended, in order where nothing else is said."""
    return Settlement(session_id, used_ms, None, reason)


async def opened(ledger: Ledger, who: Principal) -> tuple[UUID, Opened]:
    """A session that was allowed to start."""
    request = request_of(who)
    answer = await ledger.open(request)
    assert isinstance(answer, Opened)
    return request.session_id, answer


async def renewed(ledger: Ledger, session_id: UUID, used_ms: int, keep_ms: int) -> Renewed:
    """A renewal that was granted."""
    answer = await ledger.renew(session_id, used_ms, keep_ms)
    assert isinstance(answer, Renewed)
    return answer
