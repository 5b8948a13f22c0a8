"""How long tokens are good for, as the operator has it."""

from relayd.accounts.sign_ins.lifetimes import Keeper, Lifetime, Lifetimes
from relayd.config import Auth

DAY = 86_400
SECRET = "s" * 32


def test_defaults() -> None:
    """Apps keep a token for a week and a sign-in for half a year, pages a quarter of an hour."""
    lifetimes = Lifetimes.configured(Auth(secret=SECRET, pepper=SECRET))
    assert lifetimes.of(Keeper.APP) == Lifetime(7 * DAY, 30 * DAY, 180 * DAY)
    assert lifetimes.of(Keeper.BROWSER) == Lifetime(900, 30 * DAY, 30 * DAY)


def test_configured() -> None:
    """Each key has its one meaning."""
    auth = Auth(
        secret=SECRET,
        pepper=SECRET,
        access_minutes=60,
        refresh_days=2,
        sign_in_days=3,
        page_sign_in_days=1,
    )
    assert Lifetimes.configured(auth) == Lifetimes(
        app=Lifetime(3600, 2 * DAY, 3 * DAY), browser=Lifetime(900, 2 * DAY, DAY)
    )
