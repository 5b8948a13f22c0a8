"""/api/v1/webhooks."""

from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from tests.routes.recording import Studio, open_studio
from tests.routes.world import refusal

URL = "https://example.com/hook"


@pytest.fixture
async def studio() -> AsyncIterator[Studio]:
    """Somebody who may have others told."""
    with open_studio() as made:
        yield await made.sign_in()


async def test_an_address_is_added_once(studio: Studio) -> None:
    """With the secret that signs; the same address again is the same webhook."""
    made = await studio.ask("/webhooks", "POST", json={"url": URL})
    assert made.status_code == 200
    body = await made.get_json()
    assert body["secret"].startswith("whsec_")
    assert (body["url"], body["every"], body["disabled_reason"]) == (URL, False, None)
    again = await (
        await studio.ask("/webhooks", "POST", json={"url": URL, "every": True})
    ).get_json()
    assert again == body | {"every": True}
    assert await (await studio.ask("/webhooks")).get_json() == [again]


async def test_it_can_be_removed(studio: Studio) -> None:
    """By its owner; then it isn't there."""
    body = await (await studio.ask("/webhooks", "POST", json={"url": URL})).get_json()
    response = await studio.ask(f"/webhooks/{body['id']}", "DELETE")
    assert await response.get_json() == {"removed": True}
    for name in (body["id"], "nonsense"):
        response = await studio.ask(f"/webhooks/{name}", "DELETE")
        assert await refusal(response) == (404, "unknown_webhook")


async def test_a_recording_names_whom_to_tell(studio: Studio) -> None:
    """``webhook_url`` finds or makes a webhook that is told of this one alone."""
    body = await studio.taken(webhook_url=URL)
    (made,) = await (await studio.ask("/webhooks")).get_json()
    assert (made["url"], made["every"]) == (URL, False)
    assert studio.recordings.rows[UUID(body["id"])].options["webhook"] == made["id"]
    response = await studio.ask("/transcribe", "POST", json={"url": URL, "webhook_url": URL})
    assert response.status_code == 202
    row = studio.recordings.rows[UUID((await response.get_json())["id"])]
    assert row.options["webhook"] == made["id"]


@pytest.mark.parametrize("url", ["ftp://example.com", "hook", "https://me:word@example.com/"])
async def test_what_is_no_address(studio: Studio, url: str) -> None:
    """Refused wherever it is named."""
    response = await studio.ask("/webhooks", "POST", json={"url": url})
    assert await refusal(response) == (422, "invalid_url")
    assert await refusal(await studio.send(webhook_url=url)) == (422, "invalid_url")
    assert not studio.left


async def test_there_may_be_too_many(studio: Studio) -> None:
    """Said both where one is added and where one is named."""
    studio.hooks.most = 0
    response = await studio.ask("/webhooks", "POST", json={"url": URL})
    assert await refusal(response) == (409, "too_many_webhooks")
    assert await refusal(await studio.send(webhook_url=URL)) == (409, "too_many_webhooks")


async def test_what_was_sent(studio: Studio) -> None:
    """A list, and each can be sent again."""
    body = await (await studio.ask("/webhooks", "POST", json={"url": URL})).get_json()
    (owner,) = studio.hooks.found
    sent = studio.hooks.tell(owner, UUID(body["id"]))
    page = await (await studio.ask(f"/webhooks/{body['id']}/deliveries")).get_json()
    (shown,) = page["deliveries"]
    assert (shown["id"], shown["status"], shown["next_at"]) == (str(sent.id), 200, None)
    assert page["next_before"] == 7
    response = await studio.ask(f"/webhooks/deliveries/{sent.id}/again", "POST")
    assert (await response.get_json())["next_at"] is not None
    for name in ("nonsense", str(UUID(int=1))):
        response = await studio.ask(f"/webhooks/deliveries/{name}/again", "POST")
        assert await refusal(response) == (404, "unknown_delivery")
    for name in ("x", str(UUID(int=1))):
        response = await studio.ask(f"/webhooks/{name}/deliveries")
        assert await refusal(response) == (404, "unknown_webhook")
