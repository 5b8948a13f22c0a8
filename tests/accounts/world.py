"""An `Accounts` on a store of choice, quick enough to use in every test."""

import trio

from relayd.accounts.accounts import Accounts
from relayd.accounts.lifetimes import Lifetime, Lifetimes
from relayd.accounts.outcomes import SignedIn
from relayd.accounts.passwords import Passwords
from relayd.accounts.tokens import AccessTokens
from relayd.database.ports import Database

SECRET = b"s" * 32
PEPPER = b"p" * 32
EMAIL = "ada@example.com"
PASSWORD = "correct horse"
DAY = 86_400
LIFETIMES = Lifetimes(
    app=Lifetime(access_seconds=7 * DAY, idle_seconds=30 * DAY, whole_seconds=180 * DAY),
    browser=Lifetime(access_seconds=900, idle_seconds=30 * DAY, whole_seconds=40 * DAY),
)


def make_accounts(database: Database) -> Accounts:
    """The cheapest bcrypt there is; call it inside of Trio."""
    return Accounts(
        database=database,
        passwords=Passwords(PEPPER, trio.CapacityLimiter(1), cost=4),
        tokens=AccessTokens(SECRET),
        lifetimes=LIFETIMES,
    )


async def registered(accounts: Accounts, email: str = EMAIL) -> SignedIn:
    """A fresh account, signed in."""
    outcome = await accounts.register(email, PASSWORD)
    assert isinstance(outcome, SignedIn)
    return outcome


async def refreshed(accounts: Accounts, presented: str) -> SignedIn:
    """The next pair of a sign-in."""
    outcome = await accounts.refresh(presented)
    assert isinstance(outcome, SignedIn)
    return outcome
