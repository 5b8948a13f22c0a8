"""An `Accounts` on a store of choice, quick enough to use in every test."""

import trio

from relayd.accounts.accounts import Accounts
from relayd.accounts.addresses import Addresses
from relayd.accounts.outcomes import SignedIn
from relayd.accounts.proving.passwords import Passwords
from relayd.accounts.proving.proving import Proving
from relayd.accounts.proving.totp import Totp
from relayd.accounts.sign_ins.devices import DeviceTokens
from relayd.accounts.sign_ins.lifetimes import Lifetime, Lifetimes
from relayd.accounts.sign_ins.tokens import AccessTokens
from relayd.accounts.users.gifts import Gift
from relayd.database.ports import Database
from relayd.mail.letters import Letters
from relayd.quotas.counters import Counters

SECRET = b"s" * 32
PEPPER = b"p" * 32
LETTERS = Letters(PEPPER)
EMAIL = "ada@example.com"
PASSWORD = "correct horse"
DAY = 86_400
LIFETIMES = Lifetimes(
    app=Lifetime(access_seconds=7 * DAY, idle_seconds=30 * DAY, whole_seconds=180 * DAY),
    browser=Lifetime(access_seconds=900, idle_seconds=30 * DAY, whole_seconds=40 * DAY),
)


def make_accounts(database: Database, *, mail: bool = False, free_ms: int = 0) -> Accounts:
    """The cheapest bcrypt there is; call it inside of Trio."""
    passwords = Passwords(PEPPER, trio.CapacityLimiter(1), cost=4)
    gift = Gift(free_ms, PEPPER) if free_ms else None
    proving = Proving(database, passwords, DeviceTokens(SECRET), Totp(PEPPER))
    addresses = Addresses(database, proving, LETTERS, Counters(), gift, alike_seconds=0)
    return Accounts(
        database=database,
        proving=proving,
        tokens=AccessTokens(SECRET),
        lifetimes=LIFETIMES,
        gift=gift,
        addresses=addresses if mail else None,
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
