"""The line that a session leaves in the log."""

from uuid import UUID

import attrs
import pytest

from relayd.daemon.session_log import log_end
from relayd.errors import UpstreamClosed
from relayd.identity import Principal
from relayd.session.endings import EndReason
from relayd.session.report import Report
from tests.conftest import DeclaredErrors

SESSION, USER = UUID(int=1), UUID(int=2)


def facts_of(record: object) -> dict[str, object]:
    """What a line says beside its event."""
    found: dict[str, object] = getattr(record, "facts", {})
    return found


def test_every_number_stands_on_the_line(caplog: pytest.LogCaptureFixture) -> None:
    """What a report holds is on its one line, but for the user's credential and a fault."""
    caplog.set_level("INFO")
    error = UpstreamClosed("for the app", "for the operator")
    report = Report(SESSION, "192.0.2.1", EndReason.UPSTREAM_CLOSED, Principal(USER))
    report.used_ms = 1234
    report.upstream_error = error

    log_end(report)

    (record,) = caplog.records
    facts = facts_of(record)
    assert record.getMessage() == "session ended"
    assert facts["reason"] == "upstream_closed"
    assert (facts["session"], facts["user"], facts["used_ms"]) == (SESSION, USER, 1234)
    assert facts["problem"] is error
    renamed = {"session_id", "principal", "upstream_error", "fault"}
    assert attrs.fields_dict(Report).keys() - renamed <= facts.keys()


def test_a_fault_is_told_with_its_traceback(
    caplog: pytest.LogCaptureFixture, declared_errors: DeclaredErrors
) -> None:
    """A session that met a bug has its line, and before it an ERROR that a human should look at."""
    caplog.set_level("INFO")
    report = Report(SESSION, "192.0.2.1", EndReason.INTERNAL_ERROR)
    report.fault = ZeroDivisionError()

    log_end(report)

    declared_errors.expect("session failed")
    fault, line = caplog.records
    assert fault.exc_info is not None
    assert fault.exc_info[1] is report.fault
    assert facts_of(fault) == {"session": SESSION}
    assert line.getMessage() == "session ended"
    assert facts_of(line)["user"] is None
