"""Which webhook bodies are taken: signed by one of the secrets, now, in our version and mode."""

import json
from typing import Any

import attrs
import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from relayd.config import Secret
from relayd.payments.fulfilment.events import Event
from relayd.payments.fulfilment.signature import Rejected, Standard, judge_header, read_event

NOW = 1_800_000_000
STANDARD = Standard((Secret("whsec_old"), Secret("whsec_new")), "2026-01-01.test", live=False)


def event(**changes: Any) -> dict[str, Any]:
    """An event as Stripe sends it."""
    return {
        "id": "evt_1",
        "object": "event",
        "type": "checkout.session.completed",
        "api_version": "2026-01-01.test",
        "livemode": False,
        "data": {"object": {"id": "cs_1", "object": "checkout.session"}},
        **changes,
    }


def signed(raw: bytes, at: int = NOW, secret: str = "whsec_new") -> str:
    """The header for these bytes."""
    text = raw.decode("utf-8", "surrogateescape")
    if not text.isascii():
        return f"t={at},v1={'0' * 64}"
    return str(stripe.WebhookSignature.generate_signature_header(text, secret, at))


def read(body: Any, at: int = NOW, secret: str = "whsec_new") -> Event | Rejected:
    """What comes of this body, rightly signed."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_event(raw, signed(raw, at, secret), STANDARD, NOW)


def rejection(outcome: Event | Rejected) -> str:
    """The code of a refusal."""
    assert isinstance(outcome, Rejected)
    return outcome.code


def test_taken() -> None:
    """Of an event its id, its kind and its object's id are kept, and nothing else."""
    assert read(event()) == Event("evt_1", "checkout.session.completed", "cs_1")


@pytest.mark.parametrize("secret", ["whsec_old", "whsec_new"])
def test_each_secret_will_do(secret: str) -> None:
    """While a secret is rolled both are good."""
    assert isinstance(read(event(), secret=secret), Event)


def test_a_wrong_secret() -> None:
    """Another secret is none."""
    assert rejection(read(event(), secret="whsec_other")) == "bad_signature"


@pytest.mark.parametrize(("seconds", "taken"), [(-301, 0), (-300, 1), (300, 1), (301, 0)])
def test_tolerance(seconds: int, taken: int) -> None:
    """Five minutes into the past, and as much into the future."""
    outcome = read(event(), at=NOW + seconds)
    if taken:
        assert isinstance(outcome, Event)
    else:
        assert rejection(outcome) == "bad_signature"


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "t=,v1=",
        "v1=00",
        f"t={NOW}",
        "t=x,v1=00",
        f"t={'9' * 5000},v1=00",
        f"t={NOW},v1=é",
        f"t={NOW},v0=00",
        ",,,",
        "=",
    ],
)
def test_odd_headers(header: str | None) -> None:
    """Whatever stands in the header, it is a refusal and no exception."""
    raw = json.dumps(event()).encode()
    assert rejection(read_event(raw, header, STANDARD, NOW)) == "bad_signature"


@pytest.mark.parametrize(
    "header",
    [
        f"t=1,v1={'a' * 64}",
        f"t={'1' * 12},v1={'0' * 64}",
        f"t=1,v0=x,v1={'f' * 64},v1={'0' * 64}",
        f"v1={'0' * 64},t=1",
    ],
)
def test_what_a_header_alone_shows(header: str) -> None:
    """One time and an HMAC: whether it fits is seen once there is a body."""
    assert judge_header(header) is None
    for broken in (
        header.replace("t=", "T="),
        header.replace("v1=", "v1=0"),
        header.replace("v1=", "xv1="),
        header + "é",
    ):
        outcome = judge_header(broken)
        assert outcome is not None
        assert (outcome.code, outcome.loud) == ("bad_signature", False)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"3",
        b"{",
        b"NaN",
        b"[" * 100_000,
        b'{"object": "event", "id": NaN}',
        {},
        {"object": "v2.core.event"},
        event(object="charge"),
        event(id=None),
        event(id="evt 1"),
        event(id="e" * 256),
        event(id="evt_\0"),
        event(type=3),
        event(type="a b"),
        event(data=None),
        event(data=[]),
        event(data={}),
        event(data={"object": []}),
        event(data={"object": {}}),
        event(data={"object": {"id": 3}}),
        event(data={"object": {"id": "../x"}}),
    ],
)
def test_odd_bodies(body: Any) -> None:
    """A body that is rightly signed and no event is refused too."""
    assert rejection(read(body)) == "malformed_event"


def test_an_odd_header_that_fits() -> None:
    """Whoever adds to a header that was right gets a refusal, though the library takes it."""
    raw = json.dumps(event()).encode()
    for header in (signed(raw).replace(",", "=9,"), signed(raw) + f",t={NOW}"):
        assert rejection(read_event(raw, header, STANDARD, NOW)) == "bad_signature"


def test_not_utf_8() -> None:
    """Bytes that are no text are refused before anything looks at them."""
    assert rejection(read_event(b"\xff{}", f"t={NOW},v1=00", STANDARD, NOW)) == "malformed_event"


@pytest.mark.parametrize("version", [None, "2020-08-27", 3])
def test_another_version(version: Any) -> None:
    """An endpoint of another API version is refused loudly, naming ours."""
    outcome = read(event(api_version=version))
    assert rejection(outcome) == "wrong_api_version"
    assert isinstance(outcome, Rejected)
    assert outcome.loud
    assert "2026-01-01.test" in outcome.message


@pytest.mark.parametrize("livemode", [True, None, 0])
def test_another_mode(livemode: Any) -> None:
    """What live mode tells is nothing for a test key."""
    outcome = read(event(livemode=livemode))
    assert rejection(outcome) == "wrong_mode"
    assert outcome == Rejected(
        "wrong_mode", "The key is of test mode, the event is not.", loud=True
    )


def test_a_test_of_a_live_key() -> None:
    """Nor is what test mode tells anything for a live one: it would be credit for nothing."""
    standard = attrs.evolve(STANDARD, live=True)
    raw = json.dumps(event()).encode()
    outcome = read_event(raw, signed(raw), standard, NOW)
    assert outcome == Rejected(
        "wrong_mode", "The key is of live mode, the event is not.", loud=True
    )
    raw = json.dumps(event(livemode=True)).encode()
    assert isinstance(read_event(raw, signed(raw), standard, NOW), Event)


def test_a_key_that_says_no_mode() -> None:
    """Without a mode in the key both are taken."""
    standard = Standard(STANDARD.secrets, STANDARD.api_version, live=None)
    raw = json.dumps(event(livemode=True)).encode()
    assert isinstance(read_event(raw, signed(raw), standard, NOW), Event)


@pytest.mark.parametrize(
    ("error", "detail"),
    [
        ({"code": "card_declined", "decline_code": "lost_card", "message": "Ada"}, "lost_card"),
        ({"code": "card_declined"}, "card_declined"),
        ({"code": "with a name in it"}, ""),
        ({"code": 3}, ""),
        ("x", ""),
    ],
)
def test_why_a_payment_failed(error: Any, detail: str) -> None:
    """The code of a failure is kept, and nothing of who paid."""
    thing = {"id": "pi_1", "last_payment_error": error}
    outcome = read(event(data={"object": thing}))
    assert isinstance(outcome, Event)
    assert outcome.detail == detail


@given(raw=st.binary(max_size=200), header=st.text(max_size=100) | st.none())
def test_nothing_raises(raw: bytes, header: str | None) -> None:
    """Any bytes with any header are a refusal."""
    assert isinstance(read_event(raw, header, STANDARD, NOW), Rejected)
