"""Schemathesis against the whole daemon: its document is true of every answer, and none is a fault.

All of its checks run: statuses, bodies and headers as documented, nothing invalid accepted,
nothing valid refused, no access without a token, no method that isn't there.
"""

import logging
from pathlib import Path

import pytest

from relayd.client.accounts import Accounts
from tests.routes.explored import Requests, explore, running

pytestmark = [
    pytest.mark.system,
    # Stripe's library, of its own use of httpx.
    pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning"),
]

# Neither is in an example of the document, so that no case changes this user's password
# or deletes the account.
EMAIL, PASSWORD = "grace@example.com", "battery staple 7"
CASES = 2_000
# What needs a browser's cookie, the very password that no case knows, Stripe's signature, mail, a
# purchase that is paid, or the one that a link leads to, whose successes the report doesn't count.
NEVER_ACCEPTED = {
    "POST /session/refresh",
    "POST /session/password",
    "DELETE /account",
    "POST /auth/password/forgotten",
    "POST /auth/password/reset",
    "POST /auth/address/prove",
    "POST /account/address",
    "POST /account/address/proof",
    "POST /account/second-factor",
    "POST /account/second-factor/confirm",
    "DELETE /account/second-factor",
    "POST /webhooks/stripe",
    # Plans that are paid for are off.
    "POST /api/v1/stripe/create-checkout",
    "POST /api/v1/stripe/create-portal",
    "GET /api/v1/stripe/checkouts/{checkout_session_id}",
    "GET /billing/purchases/{checkout_session_id}",
    "GET /billing/purchases/{checkout_session_id}/receipt",
    "GET /billing/purchases/{checkout_session_id}/summary",
    # A transcription's id, a webhook's or a delivery's, that a link leads to.
    "GET /api/v1/status/{transcription_id}",
    "GET /api/v1/result/{transcription_id}",
    "GET /api/v1/transcriptions/{transcription_id}/links",
    "GET /api/v1/transcriptions/{transcription_id}/events",
    "DELETE /api/v1/transcribe/{transcription_id}",
    "DELETE /api/v1/transcriptions/{transcription_id}",
    # It takes a key of the operator's.
    "GET /api/v1/admin/queue-stats",
    "GET /api/v1/admin/users",
    "GET /api/v1/admin/users/{user_id}",
    "POST /api/v1/admin/users/{user_id}/adjust",
    "POST /api/v1/admin/users/{user_id}/disable",
    "POST /api/v1/admin/users/{user_id}/enable",
    "PATCH /api/v1/uploads/{upload_id}",
    "POST /api/v1/uploads/{upload_id}",
    "POST /api/v1/direct-uploads",
    "DELETE /api/v1/uploads/{upload_id}",
    "GET /api/v1/webhooks/{webhook_id}/deliveries",
    "DELETE /api/v1/webhooks/{webhook_id}",
    "DELETE /api/v1/keys/{key_id}",
    "POST /api/v1/webhooks/deliveries/{delivery_id}/again",
}


@pytest.mark.parametrize(
    "options", [(), pytest.param(("--max-examples", "240"), marks=pytest.mark.long)]
)
async def test_the_document_is_true(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    """Thousands of requests made from the document get what it says, and never a fault."""
    requests = Requests()
    log = logging.getLogger("relayd.edge.access")
    log.addFilter(requests)
    monkeypatch.setattr(log, "level", logging.INFO)
    async with running(database_url, monkeypatch) as address:
        await Accounts(address).register(EMAIL, PASSWORD)
        found = await explore(address, tmp_path, EMAIL, PASSWORD, *options)
    log.removeFilter(requests)

    assert found.code == 0, found.text
    assert found.report["failures"] == []
    assert found.report["errors"] == []
    assert found.cases >= CASES, found.text
    assert requests.statuses.total() >= CASES
    # Our own count, in case a document should allow what it must not.
    assert not {status for status in requests.statuses if str(status)[0] == "5"}, requests.statuses
    assert 429 not in requests.statuses
    operations = found.report["operations"]
    assert operations["tested"] == operations["total"]
    idle = {name for name in found.report["valid_rates"] if not found.accepted(name)}
    assert idle <= NEVER_ACCEPTED
