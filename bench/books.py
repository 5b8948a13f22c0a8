"""Accounts, credit and the audit of a benchmark's database, through relayd's own code."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from uuid import UUID

import attrs
import trio

from relayd import config
from relayd.accounts.accounts import Accounts
from relayd.accounts.outcomes import SignedIn
from relayd.accounts.proving.passwords import Passwords
from relayd.accounts.proving.proving import Proving
from relayd.accounts.proving.totp import Totp
from relayd.accounts.sign_ins.devices import DeviceTokens
from relayd.accounts.sign_ins.lifetimes import Lifetimes
from relayd.accounts.sign_ins.tokens import AccessTokens
from relayd.config.secret import Secret
from relayd.database import migrate
from relayd.database.pool import open_database
from relayd.database.ports import Database
from relayd.ledger.audit import audit
from relayd.ledger.outcomes import Balance, Discrepancy, SessionRecord
from relayd.ledger.wallet import Wallet

__all__ = ["Books", "Customer", "open_books"]

# Real hashes of bcrypt's lowest cost: logins are measured with accounts made over HTTP.
_COST: Final = 4
_SESSIONS_MOST: Final = 100_000


@attrs.frozen
class Customer:
    """Somebody with credit and an access token."""

    user_id: UUID
    email: str
    bought_ms: int
    token: str = attrs.field(repr=False)


@attrs.define(eq=False)
class Books:
    """The database, as seen beside the daemons."""

    url: str
    database: Database
    wallet: Wallet
    accounts: Accounts
    auth: dict[str, str | int]
    _made: int = 0

    async def customer(self, bought_ms: int) -> Customer:
        """Make an account, sign it in and give it credit."""
        self._made += 1
        email = f"user{self._made}@example.org"
        signed_in = await self.accounts.register(email, secrets.token_urlsafe())
        assert isinstance(signed_in, SignedIn)
        user_id = signed_in.user.id
        if bought_ms:
            await self.wallet.grant(user_id, bought_ms, "benchmark", f"benchmark-{self._made}")
        return Customer(user_id, email, bought_ms, signed_in.token)

    async def balance(self, customer: Customer) -> Balance:
        """What a customer has."""
        found = await self.wallet.balance(customer.user_id)
        assert found is not None
        return found

    async def audit(self) -> tuple[Discrepancy, ...]:
        """The rows at fault; none means balanced."""
        return await self.database.transact(audit)

    async def open_sessions(self) -> int:
        """How many sessions the ledger believes to run."""
        return len(await self.wallet.live_sessions())

    async def ended_sessions(self) -> list[SessionRecord]:
        """Every settled session."""
        return await self.wallet.recent_sessions(None, _SESSIONS_MOST)

    async def until_settled(self, seconds: float) -> bool:
        """Wait until no session is open; whether it came to that in time."""
        return await self.until_open(0, seconds)

    async def until_open(self, most: int, seconds: float) -> bool:
        """Wait until no more sessions than these are open; whether it came to that in time."""
        with trio.move_on_after(seconds):
            while await self.open_sessions() > most:  # noqa: ASYNC110 - only the database knows
                await trio.sleep(0.02)
            return True
        return False


@asynccontextmanager
async def open_books(url: str) -> AsyncIterator[Books]:
    """Migrate an empty database and open it."""
    secret, pepper = secrets.token_urlsafe(48), secrets.token_urlsafe(48)
    limiter = trio.CapacityLimiter(2)
    settings = config.Database(url=Secret(url), pool_size=2)
    async with open_database(settings, url, limiter) as database:
        await database.transact(migrate.apply)
        yield Books(
            url=url,
            database=database,
            wallet=Wallet(database),
            accounts=Accounts(
                database,
                Proving(
                    database,
                    Passwords(pepper.encode(), trio.CapacityLimiter(1), _COST),
                    DeviceTokens(secret.encode()),
                    Totp(pepper.encode()),
                ),
                AccessTokens(secret.encode()),
                Lifetimes.configured(config.Auth(secret=secret, pepper=pepper)),
            ),
            auth={"secret": secret, "pepper": pepper},
        )
