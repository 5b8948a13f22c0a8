"""`[plans]`: off unless said, and never silently useless."""

from pathlib import Path

import pytest

from relayd.config import Plans
from relayd.errors import ConfigError
from relayd.plans.plans import PlanName
from relayd.plans.plans import Plans as Configured
from tests.config.files import read

ON = "[plans]\non = true\n"


def test_off_unless_said(tmp_path: Path) -> None:
    """Whoever updates a server finds every account allowed what it was."""
    assert not Plans().on
    assert Configured.configured(read(tmp_path, ""), "base") is None


def test_the_default_plans(tmp_path: Path) -> None:
    """As docs/plans.md has them; no model named means the default one, and a star all."""
    settings = read(tmp_path, f"{ON}[plans.free]\nunproven = true\n")
    plans = Configured.configured(settings, "base")
    assert plans is not None
    free, pro, payg = plans
    assert [one.name for one in plans] == list(PlanName)
    assert [one.minutes_ms for one in plans] == [3_600_000, 60_000_000, 0]
    assert [one.requests_per_minute for one in plans] == [10, 60, 300]
    assert [one.terms.running_max for one in plans] == [1, 3, 10]
    assert free.terms.priority < pro.terms.priority < payg.terms.priority
    assert (free.terms.models, pro.terms.models) == (frozenset({"base"}), None)
    assert (free.formats, pro.formats) == (frozenset({"json"}), None)


def test_free_minutes_need_a_way_to_prove_an_address(tmp_path: Path) -> None:
    """Without mail nobody could prove one: the operator says what is meant."""
    with pytest.raises(ConfigError, match=r"plans\.free\.unproven"):
        read(tmp_path, ON)
    for said in ("unproven = true", "minutes = 0"):
        assert read(tmp_path, f"{ON}[plans.free]\n{said}\n").plans.on


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ('[plans.free]\nmodels = "a b"\n', r"plans\.free\.models"),
        ('[plans.pro]\nformats = ["pdf"]\n', r"plans\.pro\.formats"),
        ("[plans.payg]\nrunning = 0\n", r"plans\.payg\.running"),
        ('[auth]\nrefused_domains = ["Mailinator.com"]\n', r"auth\.refused_domains"),
    ],
)
def test_what_means_nothing_is_refused(tmp_path: Path, said: str, problem: str) -> None:
    """With the key that it stands under."""
    with pytest.raises(ConfigError, match=problem):
        read(tmp_path, said)


PRO_FOR_SALE = "server.public_url = 'https://a.example'\n[plans.pro]\nprice_id = 'price_a'\n"
STRIPE = "[stripe]\napi_key = 'sk_test_x'\nwebhook_secrets = ['whsec_x']\n"
PROVEN = f"{ON}[plans.free]\nunproven = true\n"


@pytest.mark.parametrize(
    "text",
    [
        f"{PRO_FOR_SALE}{STRIPE}",
        f"{PRO_FOR_SALE}{PROVEN}",
        f"{PRO_FOR_SALE}minutes = 0\n{PROVEN}{STRIPE}",
        "[plans.pro]\nprice_id = 'prod_a'\n",
    ],
)
def test_a_plan_that_can_not_be_sold(tmp_path: Path, text: str) -> None:
    """Without plans, without Stripe, without minutes, or by the id of its product: refused."""
    with pytest.raises(ConfigError, match=r"plans\.pro\.price_id"):
        read(tmp_path, text)
