"""GET /api/v1/status, result, transcriptions, stats; DELETE /api/v1/transcriptions."""

from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from relayd.transcriptions.outcomes import State
from tests.fakes.transcriptions import NOW
from tests.routes.recording import Studio, open_studio
from tests.routes.world import refusal


@pytest.fixture
async def studio() -> AsyncIterator[Studio]:
    """Somebody who may hand recordings in."""
    with open_studio() as made:
        yield await made.sign_in()


async def test_how_it_stands(studio: Studio) -> None:
    """The status is what handing it in said, moved on."""
    body = await studio.taken()
    studio.recordings.change(UUID(body["id"]), state=State.RUNNING, started_at=NOW, done_ms=24_600)
    found = await (await studio.ask(f"/status/{body['id']}")).get_json()
    assert set(found) == set(body)
    assert (found["status"], found["progress_percent"]) == ("processing", 40)
    assert found["position"] is None


async def test_why_it_failed(studio: Studio) -> None:
    """A code and a sentence, and it cost nothing."""
    body = await studio.taken()
    studio.recordings.change(
        UUID(body["id"]),
        state=State.FAILED,
        reason="engine_failed",
        problem="The engine crashed.",
        ended_at=NOW,
        charged_ms=0,
    )
    found = await (await studio.ask(f"/status/{body['id']}")).get_json()
    assert found["error"] == {"code": "engine_failed", "message": "The engine crashed."}
    assert (found["status"], found["cost_seconds"]) == ("failed", 0)
    assert await refusal(await studio.ask(f"/result/{body['id']}")) == (409, "no_result")


@pytest.mark.parametrize(
    ("asked", "kind"),
    [
        ("", "application/x-subrip; charset=utf-8"),
        ("?format=TXT", "text/plain; charset=utf-8"),
        ("?format=text", "text/plain; charset=utf-8"),
        ("?format=Verbose_JSON", "application/json"),
        ("?format=vtt", "text/vtt; charset=utf-8"),
        ("?format=html", "text/html; charset=utf-8"),
    ],
)
async def test_the_words_in_every_format(studio: Studio, asked: str, kind: str) -> None:
    """In the one that was asked for when it was handed in, or in another one now."""
    body = await studio.taken(format="srt")
    await studio.finish(body["id"])
    response = await studio.ask(f"/result/{body['id']}{asked}")
    assert response.status_code == 200
    assert response.content_type == kind
    assert b"four score" in await response.get_data()
    assert "talk." in response.headers["Content-Disposition"]
    # A page of a stranger's words runs nothing.
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]


async def test_a_name_is_no_header(studio: Studio) -> None:
    """What a file is called goes into a header as its own encoding allows, and no other way."""
    body = await studio.taken()
    await studio.finish(body["id"])
    studio.recordings.change(UUID(body["id"]), name='ü"; x=\r\ny/../.mp3')
    response = await studio.ask(f"/result/{body['id']}")
    said = response.headers["Content-Disposition"]
    assert said == "inline; filename*=UTF-8''%C3%BC%22%3B%20x%3D%0D%0Ay%2F..%2F.json"


async def test_it_is_not_ready(studio: Studio) -> None:
    """409 with a time to come again, until it has ended."""
    body = await studio.taken()
    response = await studio.ask(f"/result/{body['id']}")
    assert await refusal(response) == (409, "not_ready")
    assert int(response.headers["Retry-After"]) > 0


async def test_a_format_that_there_is_not(studio: Studio) -> None:
    """Refused, with those that there are."""
    body = await studio.taken()
    response = await studio.ask(f"/result/{body['id']}?format=pdf")
    assert "srt" in (await response.get_json())["error"]["message"]
    assert await refusal(response) == (422, "unknown_format")


async def test_what_was_deleted_is_gone(studio: Studio) -> None:
    """410 from then on; deleting it once more is as good as once, and no page shows it."""
    body = await studio.taken()
    await studio.finish(body["id"])
    for _ in range(2):
        response = await studio.ask(f"/transcriptions/{body['id']}", "DELETE")
        assert await response.get_json() == {"deleted": True}
    for path, method in (("status", "GET"), ("result", "GET"), ("transcribe", "DELETE")):
        response = await studio.ask(f"/{path}/{body['id']}", method)
        assert await refusal(response) == (410, "deleted")
    assert (await (await studio.ask("/transcriptions")).get_json())["transcriptions"] == []


async def test_words_that_the_store_can_not_give(studio: Studio) -> None:
    """503 while it is away, 410 where its object is gone."""
    body = await studio.taken()
    await studio.finish(body["id"])
    studio.store.away = True
    assert await refusal(await studio.ask(f"/result/{body['id']}")) == (503, "intake_unavailable")
    studio.store.away = False
    studio.store.objects.clear()
    assert await refusal(await studio.ask(f"/result/{body['id']}")) == (410, "deleted")


async def test_pages(studio: Studio) -> None:
    """Newest first, each once, until there are no older ones."""
    sent = [(await studio.taken())["id"] for _ in range(5)]
    seen: list[str] = []
    before = ""
    for _ in range(3):
        page = await (await studio.ask(f"/transcriptions?limit=2{before}")).get_json()
        seen += [one["id"] for one in page["transcriptions"]]
        before = f"&before={page['next_before']}"
    assert seen == sent[::-1]
    assert page["next_before"] is None


async def test_filters(studio: Studio) -> None:
    """By status, model and time, names in any case."""
    one = await studio.taken(model="tiny.en")
    two = await studio.taken()
    await studio.finish(two["id"])
    for query, expected in (
        ("status=COMPLETED", [two["id"]]),
        ("status=queued", [one["id"]]),
        ("model=TINY.EN", [one["id"]]),
        ("model=huge", []),
        ("since=2026-03-01T12:00:00Z", [two["id"], one["id"]]),
        ("until=2026-03-01T12:00:00%2B00:00", []),
        ("status=&model=&since=&limit=", [two["id"], one["id"]]),
    ):
        page = await (await studio.ask(f"/transcriptions?{query}")).get_json()
        assert [found["id"] for found in page["transcriptions"]] == expected, query


@pytest.mark.parametrize(
    "query",
    [
        "status=done",
        "limit=0",
        "limit=201",
        "limit=many",
        "before=-1",
        "before=99999999999999999999",
        "since=yesterday",
        "since=2026-03-01T12:00:00",
    ],
)
async def test_filters_that_mean_nothing(studio: Studio, query: str) -> None:
    """Refused rather than left out: a page of everything would be taken for the answer."""
    assert await refusal(await studio.ask(f"/transcriptions?{query}")) == (422, "invalid_field")


async def test_own_numbers(studio: Studio) -> None:
    """What waits and what was done, in seconds."""
    await studio.taken()
    await studio.finish((await studio.taken())["id"])
    found = await (await studio.ask("/stats")).get_json()
    queue = ("queued", "processing", "completed", "failed", "audio_seconds", "cost_seconds")
    assert [found[name] for name in queue] == [1, 0, 1, 0, 61.5, 62]


async def test_links_to_what_there_is(studio: Studio) -> None:
    """Signed addresses of the store, for its own objects; what is not there has none."""
    studio.store.links = True
    body = await studio.taken()
    path = f"/transcriptions/{body['id']}/links"
    before = await (await studio.ask(path)).get_json()
    assert before == {
        "audio_url": f"https://store.example/audio/{body['id']}?GET",
        "document_url": None,
        "expires_in_seconds": 600,
    }
    await studio.finish(body["id"])
    key = studio.recordings.rows[UUID(body["id"])].result
    after = await (await studio.ask(path)).get_json()
    assert after["document_url"] == f"https://store.example/{key}?GET"
