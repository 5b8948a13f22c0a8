"""POST and DELETE /api/v1/transcribe."""

from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from relayd.errors import MediaFailed, Unreadable
from relayd.transcriptions.outcomes import Declined, DeclinedReason, State
from tests.routes.recording import SOUND, TYPE, Studio, form, open_studio
from tests.routes.world import refusal


@pytest.fixture
async def studio() -> AsyncIterator[Studio]:
    """Somebody who may hand recordings in."""
    with open_studio() as made:
        yield await made.sign_in()


async def test_a_recording_is_taken(studio: Studio) -> None:
    """It is measured, kept and queued, and its caller hears what it will cost and when."""
    response = await studio.send(model="TINY.en", format="SRT", language="en", prompt="Trio")
    assert response.status_code == 202
    body = await response.get_json()
    assert body["status"] == "queued"
    assert (body["model"], body["format"], body["name"]) == ("Tiny.EN", "srt", "talk.mp3")
    assert (body["duration_seconds"], body["cost_seconds"]) == (61.5, 62)
    assert (body["position"], body["progress_percent"]) == (1, 0)
    row = studio.recordings.rows[UUID(body["id"])]
    assert row.options == {"format": "srt", "language": "en", "prompt": "Trio"}
    assert studio.store.objects == {f"audio/{body['id']}": SOUND}
    assert not studio.left


async def test_nothing_need_be_said(studio: Studio) -> None:
    """A file alone is transcribed by the first model, as JSON."""
    body = await studio.taken()
    assert (body["model"], body["format"], body["metadata"]) == ("default", "json", {})


async def test_the_callers_own_comes_back(studio: Studio) -> None:
    """Metadata is theirs, and told with every status."""
    body = await studio.taken(metadata='{"talk": 7, "ä": [true]}')
    assert body["metadata"] == {"talk": 7, "ä": [True]}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"model": "huge"}, "unknown_model"),
        ({"format": "docx"}, "unknown_format"),
        ({"language": "en; rm"}, "invalid_field"),
        ({"prompt": "x" * 4001}, "invalid_field"),
        ({"prompt": "\0"}, "invalid_field"),
        ({"diarize": "perhaps"}, "invalid_field"),
        ({"metadata": '{"a": 1e999}'}, "invalid_field"),
        ({"metadata": '{"a": "\\u0000"}'}, "invalid_field"),
        ({"metadata": '{"a": "' + "x" * 4100 + '"}'}, "invalid_field"),
        ({"metadata": '{"a": "\\ud800"}'}, "invalid_field"),
    ],
)
async def test_a_wish_that_can_not_be_met(
    studio: Studio, fields: dict[str, str], code: str
) -> None:
    """Said before the file is taken; nothing is kept."""
    assert await refusal(await studio.send(SOUND, key=None, **fields)) == (422, code)
    assert not studio.store.objects
    assert not studio.left


async def test_metadata_is_an_object(studio: Studio) -> None:
    """Text that is no JSON, or another value, is refused as such a body would be."""
    for text in ("seven", "[7]", "[" * 3000):
        assert await refusal(await studio.send(metadata=text)) == (400, "malformed_json")


async def test_a_form_without_its_file(studio: Studio) -> None:
    """The refusal names the part that is missing."""
    headers = {"Content-Type": TYPE}
    response = await studio.ask("/transcribe", "POST", data=form(None), headers=headers)
    assert await refusal(response) == (422, "missing_field")


async def test_a_body_of_another_kind(studio: Studio) -> None:
    """415, with what would be right."""
    headers = {"Content-Type": "audio/mpeg"}
    response = await studio.ask("/transcribe", "POST", data=SOUND, headers=headers)
    assert await refusal(response) == (415, "unsupported_media_type")


@pytest.mark.parametrize("code", ["empty", "broken", "no_audio", "too_long", "unheard_of"])
async def test_what_is_no_recording_is_refused(studio: Studio, code: str) -> None:
    """With its reason; one that is new to this program is a broken file."""
    studio.ruler.fault = Unreadable(code, "The file is so and so.")
    response = await studio.send()
    assert (await response.get_json())["error"]["message"] == "The file is so and so."
    assert await refusal(response) == (422, "broken" if code == "unheard_of" else code)
    assert not studio.store.objects
    assert not studio.left


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        (DeclinedReason.INSUFFICIENT_CREDITS, 402),
        (DeclinedReason.CREDIT_FROZEN, 402),
        (DeclinedReason.TOO_LONG, 422),
        (DeclinedReason.QUEUE_FULL, 429),
        (DeclinedReason.KEY_TAKEN, 422),
        (DeclinedReason.UPLOAD_OVER, 409),
        (DeclinedReason.UNKNOWN_USER, 401),
    ],
)
async def test_what_the_queue_does_not_take(
    studio: Studio, reason: DeclinedReason, status: int
) -> None:
    """Each reason has its status, and nothing of the file is kept."""
    studio.recordings.refusal = Declined(reason, 62_000, 10_000)
    found, code = await refusal(await studio.send())
    assert found == status
    assert code == ("auth_failed" if reason is DeclinedReason.UNKNOWN_USER else reason.value)
    assert not studio.store.objects


async def test_missing_credit_is_told_in_numbers(studio: Studio) -> None:
    """402 says what it costs, what there is and what is missing."""
    studio.recordings.refusal = Declined(DeclinedReason.INSUFFICIENT_CREDITS, 62_000, 10_500)
    body = await (await studio.send()).get_json()
    assert "62 s" in body["error"]["message"]
    assert "52 s are missing" in body["error"]["message"]


async def test_the_same_request_is_taken_once(studio: Studio) -> None:
    """An Idempotency-Key brings the same answer and one recording; another body is refused."""
    first = await (await studio.send(key="talk-7")).get_json()
    again = await (await studio.send(key="talk-7")).get_json()
    assert again == first
    assert list(studio.store.objects) == [f"audio/{first['id']}"]
    other = await studio.send(SOUND + b"!", key="talk-7")
    assert await refusal(other) == (422, "idempotency_key_taken")
    assert await refusal(await studio.send(key="talk-7", format="srt")) == (
        422,
        "idempotency_key_taken",
    )
    assert list(studio.store.objects) == [f"audio/{first['id']}"]


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "ä"])
async def test_a_key_is_short_and_visible(studio: Studio, key: str) -> None:
    """What is no key is refused rather than taken for another."""
    response = await studio.send(key=key)
    assert await refusal(response) == (422, "invalid_idempotency_key")


async def test_a_file_that_is_too_large(studio: Studio) -> None:
    """413 before it is taken where its length is announced."""
    assert await refusal(await studio.send(b"x" * 300_000)) == (413, "file_too_large")
    assert await refusal(await studio.send(b"x" * 100_001)) == (413, "file_too_large")
    assert not studio.left


async def test_a_store_that_is_away(studio: Studio) -> None:
    """503, and nothing is charged or left."""
    studio.store.away = True
    assert await refusal(await studio.send()) == (503, "intake_unavailable")
    assert not studio.recordings.rows
    assert not studio.left
    studio.store.away = False
    studio.ruler.fault = MediaFailed("no process")
    assert await refusal(await studio.send()) == (503, "intake_unavailable")


async def test_a_database_that_is_away(studio: Studio) -> None:
    """503; whether the recording was queued is not known, so its file is left to the sweep."""
    studio.recordings.reachable = False
    assert await refusal(await studio.send()) == (503, "service_unavailable")
    assert len(studio.store.objects) == 1
    assert not studio.left


async def test_it_can_be_called_off(studio: Studio) -> None:
    """What waits costs nothing; doing it twice is the same as once."""
    body = await studio.taken()
    for _ in range(2):
        response = await studio.ask(f"/transcribe/{body['id']}", "DELETE")
        assert response.status_code == 200
        found = await response.get_json()
        assert (found["status"], found["cost_seconds"]) == ("cancelled", 0)


async def test_what_is_not_ones_own_is_not_there(studio: Studio) -> None:
    """Neither another's, nor an id that is none, nor one that nobody has."""
    body = await studio.taken()
    studio.recordings.change(UUID(body["id"]), user_id=UUID(int=1))
    for name in (body["id"], "nonsense", str(UUID(int=2))):
        for method, path in (
            ("DELETE", "transcribe"),
            ("DELETE", "transcriptions"),
            ("GET", "status"),
            ("GET", "result"),
        ):
            response = await studio.ask(f"/{path}/{name}", method)
            assert await refusal(response) == (404, "unknown_transcription")


async def test_without_a_queue_nothing_is_taken(studio: Studio) -> None:
    """Where recordings are off the routes say so."""
    with open_studio() as other:
        bare = other.world.__class__()
        token = (await bare.register())["token"]
        response = await bare.ask(
            "/api/v1/transcribe", "POST", token=token, data=form(), headers={"Content-Type": TYPE}
        )
        assert await refusal(response) == (503, "batch_off")


async def test_of_a_cancelled_one_the_state_is_told(studio: Studio) -> None:
    """Cancelling what is under way is told as processing until its worker has let go."""
    body = await studio.taken()
    studio.recordings.change(UUID(body["id"]), state=State.CANCELLING)
    found = await (await studio.ask(f"/status/{body['id']}")).get_json()
    assert found["status"] == "processing"


async def test_a_url_is_taken(studio: Studio) -> None:
    """It is recorded and comes by itself: until then its length isn't known."""
    url = "https://example.com/talk.mp3"
    response = await studio.ask("/transcribe", "POST", json={"url": url, "model": "TINY.EN"})
    assert response.status_code == 202
    body = await response.get_json()
    assert (body["status"], body["model"], body["duration_seconds"]) == ("queued", "Tiny.EN", None)
    assert studio.recordings.urls == [url]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"url": "file:///etc/passwd"}, "invalid_url"),
        ({"url": "https://me@example.com/"}, "invalid_url"),
        ({}, "missing_field"),
        ({"url": 7}, "invalid_field"),
        ({"url": "https://example.com/", "model": "huge"}, "unknown_model"),
        ({"url": "https://example.com/", "metadata": [1]}, "invalid_field"),
        ({"url": "https://example.com/", "prompt": "\ud800"}, "invalid_field"),
    ],
)
async def test_a_url_that_is_none(studio: Studio, fields: dict[str, object], code: str) -> None:
    """Said at once; whether it may be reached is found out when it is fetched."""
    response = await studio.ask("/transcribe", "POST", json=fields)
    assert await refusal(response) == (422, code)
    assert not studio.recordings.urls
