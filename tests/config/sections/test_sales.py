"""[stripe], [costs] and [[packages]]: lists of tables, exact money, and what is refused."""

import re
from decimal import Decimal
from pathlib import Path

import pytest

from relayd.config import Package, Secret, Seller
from relayd.errors import ConfigError
from tests.config.files import read

PACK = "[[packages]]\nid = 'a'\nlabel = 'A'\nseconds = 60\nprice_cents = 100\n"
KEY = "server.public_url = 'https://a.example'\n[stripe]\napi_key = 'sk_test_x'\n"


def test_written_packages_replace_the_defaults(tmp_path: Path) -> None:
    """Whoever writes one package sells this one and no other."""
    assert [one.id for one in read(tmp_path, "").packages] == ["pack_500", "pack_1200", "pack_3000"]
    assert read(tmp_path, PACK).packages == (
        Package(id="a", label="A", seconds=60, price_cents=100, currency="usd"),
    )


def test_packages_in_the_environment(tmp_path: Path) -> None:
    """A list of tables is replaced as a whole, and nothing at all may be for sale."""
    text = '[{id = "b", label = "B", seconds = 1, price_cents = 2, currency = "eur"}]'
    assert read(tmp_path, PACK, {"RELAYD_PACKAGES": text}).packages == (
        Package(id="b", label="B", seconds=1, price_cents=2, currency="eur"),
    )
    assert read(tmp_path, PACK, {"RELAYD_PACKAGES": "[]"}).packages == ()


def test_costs_are_exact(tmp_path: Path) -> None:
    """What enters into sums of money is never a float, neither in the file nor outside."""
    costs = read(
        tmp_path,
        "[costs]\nengine_cents_per_minute = 0.1\nfee_cents = 7\n",
        {"RELAYD_COSTS__FEE_PERCENT": "2.30", "RELAYD_COSTS__ALLOW_LOSS": "true"},
    ).costs
    assert (costs.engine_cents_per_minute, costs.fee_percent) == (Decimal("0.1"), Decimal("2.3"))
    assert type(costs.engine_cents_per_minute) is Decimal
    assert (costs.fee_cents, costs.allow_loss) == (7, True)


def test_several_webhook_secrets(tmp_path: Path) -> None:
    """While one is replaced both are good: from a list, a variable or a file with two lines."""
    expected = (Secret("whsec_a"), Secret("whsec_b"))
    listed = read(tmp_path, "[stripe]\nwebhook_secrets = ['whsec_a', 'whsec_b']")
    assert listed.stripe.webhook_secrets == expected
    (tmp_path / "two").write_text("whsec_a\nwhsec_b\n")
    filed = read(tmp_path, "[stripe]\nwebhook_secrets_file = 'two'")
    assert filed.stripe.webhook_secrets == expected
    variable = {"RELAYD_STRIPE__WEBHOOK_SECRETS": "whsec_a,whsec_b"}
    assert read(tmp_path, "", variable).stripe.webhook_secrets == expected
    assert "whsec" not in repr(listed)


def test_sales_are_on_with_a_key(tmp_path: Path) -> None:
    """Without a key nothing is for sale, and that is no fault."""
    assert not read(tmp_path, "").stripe.sales
    assert read(tmp_path, KEY + "webhook_secrets = 'whsec_a'").stripe.sales


def test_the_seller(tmp_path: Path) -> None:
    """Nothing is said of them by default; whom to ask is an address or a page."""
    assert read(tmp_path, "").seller == Seller()
    text = "[seller]\nname = 'Ada & Co'\ncontact = 'help@example.org'\nterms_url = 'https://a.example/t'"
    assert read(tmp_path, text).seller.contact == "help@example.org"
    page = {"RELAYD_SELLER__CONTACT": "https://a.example/help"}
    assert read(tmp_path, text, page).seller.contact == "https://a.example/help"


REFUSALS = [
    ("[seller]\ncontact = 'help'", "seller.contact", "must be an email address or an http"),
    ("[seller]\ncontact = 'a@b.c/d'", "seller.contact", "must be an email address or an http"),
    ("[seller]\nterms_url = 'javascript:1'", "seller.terms_url", "must be an http or https URL"),
    ("[seller]\nprivacy_url = 'a.example'", "seller.privacy_url", "must be an http or https URL"),
    ('[seller]\nname = "a\\nb"', "seller.name", "must be one line"),
    (PACK + "price_cent = 3", "packages[0].price_cent", "did you mean packages[0].price_cents?"),
    (PACK + PACK.replace("100", "0"), "packages[1].price_cents", "from 1 to 99999999 cents"),
    (PACK.replace("100", "1.5"), "packages[0].price_cents", "a whole number (cents), not 1.5"),
    (PACK.replace("100", "'1'"), "packages[0].price_cents", "a whole number (cents), not '1'"),
    (PACK.replace("label", "#"), "packages[0].label", "each of [[packages]] needs it"),
    (PACK.replace("'a'", "'A b'"), "packages[0].id", "small letters"),
    (PACK.replace("'A'", "' '"), "packages[0].label", "one line"),
    (PACK + "currency = 'USD'", "packages[0].currency", "three small letters"),
    (PACK + PACK, "packages[1].id", "taken by another"),
    (
        PACK + PACK.replace("'a'", "'b'") + "currency = 'eur'",
        "packages[1].currency",
        "must be 'usd', as in the first",
    ),
    ("[packages]\nid = 'a'", "packages", "write [[packages]]"),
    ("packages = [3]", "packages", "write [[packages]]"),
    (KEY, "stripe.webhook_secrets", "beside stripe.api_key"),
    (
        "[stripe]\napi_key = 'sk_test_x'\nwebhook_secrets = 'x'",
        "server.public_url",
        "sends buyers back",
    ),
    ("packages = []\n" + KEY + "webhook_secrets = 'whsec_a'", "packages", "name what is for sale"),
    ("[stripe]\napi_key = 'pk_live_x'", "stripe.api_key", "secret key (sk_"),
    ("[stripe]\nwebhook_secrets = ['']", "stripe.webhook_secrets", "signing secret (whsec_"),
    ("[stripe]\napi_url = 'http://stripe.example'", "stripe.api_url", "unencrypted"),
    ("[stripe]\napi_url = 'https://h.example/v1'", "stripe.api_url", "end after the host"),
    ("[stripe]\napi_url = 'ftp://h.example'", "stripe.api_url", "an https URL"),
    ("[costs]\nfee_percent = nan", "costs.fee_percent", "a number (percent), not NaN"),
    ("[costs]\nfee_percent = '3'", "costs.fee_percent", "a number (percent), not '3'"),
    ("[costs]\nallow_loss = 1", "costs.allow_loss", "true or false"),
]


@pytest.mark.parametrize(("text", "key", "told"), REFUSALS, ids=[text for text, _, _ in REFUSALS])
def test_refused_by_name(tmp_path: Path, text: str, key: str, told: str) -> None:
    """A wrong value is refused with its key's name, counted from 0, and what would be right."""
    with pytest.raises(ConfigError, match=re.escape(told)) as caught:
        read(tmp_path, text)
    assert caught.value.key == key


@pytest.mark.parametrize("text", ["[{id = 1", "3", "[3]"])
def test_a_variable_that_is_no_list(tmp_path: Path, text: str) -> None:
    """The environment is checked like the file."""
    with pytest.raises(ConfigError, match="packages: "):
        read(tmp_path, "", {"RELAYD_PACKAGES": text})


def test_a_number_that_is_none_in_the_environment(tmp_path: Path) -> None:
    """A misspelt number is refused by the key's name."""
    with pytest.raises(
        ConfigError, match=r"costs\.fee_percent: must be a number \(percent\), not 'x'"
    ):
        read(tmp_path, "", {"RELAYD_COSTS__FEE_PERCENT": "x"})
