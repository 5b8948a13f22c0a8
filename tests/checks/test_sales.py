"""What is for sale, and Stripe: the key, its mode, and whether the API answers."""

from typing import Any

import attrs
import pytest
import trio

from relayd import config
from relayd.checks import sales
from relayd.config import Auth, Config, Secret
from tests.payments.stall import PRO
from tests.stripe_standin import Fault, StandInStripe, Whim

AUTH = Auth(secret=Secret("s"), pepper=Secret("p"))


def stripe(**more: Any) -> config.Stripe:
    """Sales that are on."""
    return config.Stripe(**{"api_key": "sk_test_standin", "webhook_secrets": ("whsec_x",)} | more)


@pytest.mark.parametrize(
    ("key", "live"),
    [
        ("sk_live_abc", True),
        ("rk_live_abc", True),
        ("sk_test_abc", False),
        ("rk_test_a_b", False),
        ("sk_abc", None),
        ("", None),
    ],
)
def test_the_mode_of_a_key(key: str, live: bool | None) -> None:
    """As far as its own text says."""
    assert config.Stripe(api_key=Secret(key)).live is live


def test_a_webhook_secret_of_another_form() -> None:
    """Stripe's begin with whsec_; the position is told, never the secret."""
    wrong = stripe(webhook_secrets=("whsec_good", "sesame"))
    findings = [one for one in sales.judge(Config(auth=AUTH, stripe=wrong)) if not one.well]
    assert [one.subject for one in findings] == ["webhook"]
    assert "stripe.webhook_secrets[1]" in findings[0].detail
    assert "sesame" not in str(findings)


def test_a_seller_that_says_little() -> None:
    """Where sales are on, what buyers look for and don't find is named, and refused is nothing."""
    silent = Config(auth=AUTH, stripe=stripe())
    named = Config(
        auth=AUTH,
        stripe=stripe(),
        seller=config.Seller(
            name="Ada & Co",
            contact="help@example.org",
            terms_url="https://a.example/terms",
            privacy_url="https://a.example/privacy",
        ),
    )
    off = Config(auth=AUTH)
    found = [
        one
        for given in (silent, named, off)
        for one in sales.judge(given)
        if one.subject == "seller"
    ]
    assert [(one.well, one.detail, bool(one.remedy)) for one in found] == [
        (True, "not named", True),
        (True, "Ada & Co", False),
    ]


@pytest.mark.system
async def test_stripe_is_only_read() -> None:
    """All well: the mode is told; nothing but empty lists was asked for."""
    stand_in = StandInStripe()
    async with trio.open_nursery() as nursery:
        url = await nursery.start(stand_in.serve)
        finding = await sales.reach(stripe(api_url=url))
        nursery.cancel_scope.cancel()
    assert finding.well, finding
    assert "test mode" in finding.detail
    assert {one.partition(" ")[0] for one in stand_in.api.requests} == {"GET"}
    assert len(stand_in.api.requests) == 3


@pytest.mark.system
async def test_what_a_plan_costs_is_looked_up() -> None:
    """A price that isn't there, or is another one, is named with the key to change."""
    stand_in = StandInStripe()
    async with trio.open_nursery() as nursery:
        url = await nursery.start(stand_in.serve)
        missing = await sales.reach(stripe(api_url=url), [PRO])
        stand_in.account.subscriptions.price(PRO.price_cents + 1, key=PRO.price_id)
        other = await sales.reach(stripe(api_url=url), [attrs.evolve(PRO, price_cents=1)])
        right = attrs.evolve(PRO, price_cents=PRO.price_cents + 1)
        well = await sales.reach(stripe(api_url=url), [right])
        nursery.cancel_scope.cancel()
    assert [missing.well, other.well, well.well] == [False, False, True]
    assert "plans.pro.price_id: price_pro is no price" in missing.remedy
    assert "2901 usd cents at Stripe and 1 usd" in other.remedy


@pytest.mark.system
@pytest.mark.parametrize("refused", ["GET /v1/checkout/sessions", "GET /v1/refunds", "GET /v1/d"])
async def test_a_key_that_is_refused(refused: str) -> None:
    """Revoked, mistyped, or without the right: what to look at is said, and no key shown."""
    stand_in = StandInStripe()
    stand_in.api.whims.append(Whim(Fault.REFUSED, refused))
    async with trio.open_nursery() as nursery:
        url = await nursery.start(stand_in.serve)
        finding = await sales.reach(stripe(api_url=url))
        nursery.cancel_scope.cancel()
    assert not finding.well
    assert "401" in finding.detail
    assert "may it read" in finding.remedy
    assert "standin" not in str(finding)


async def test_an_api_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says so, and that the network is to be looked at."""
    monkeypatch.setattr("relayd.payments.stripe.api.PAUSES_SECONDS", (0, 0))
    finding = await sales.reach(stripe(api_url="http://127.0.0.1:1"))
    assert not finding.well
    assert "network" in finding.remedy
