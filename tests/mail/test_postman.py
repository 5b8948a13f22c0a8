"""The queue and who works it off: nothing is lost, nothing told, and nothing goes on for ever."""

import datetime as dt
from email.message import EmailMessage
from uuid import UUID

import attrs
import pytest
import trio

from relayd import config
from relayd.accounts.accounts import Accounts
from relayd.accounts.addresses import Addresses
from relayd.accounts.outcomes import SignedIn, User
from relayd.database.ports import Connection, Database
from relayd.errors import MailUnavailable
from relayd.mail import queue
from relayd.mail.letters import Kind, Letterhead
from relayd.mail.postman import Postman
from tests.accounts.world import EMAIL, LETTERS, PASSWORD, make_accounts, registered
from tests.conftest import DeclaredErrors

pytestmark = pytest.mark.system
NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


@attrs.define(eq=False)
class FakeCarrier:
    """Keeps what it is given; what it is to say first stands in ``says``."""

    says: list[str | Exception] = attrs.field(factory=list)
    carried: list[EmailMessage] = attrs.field(factory=list)

    async def carry(self, message: EmailMessage) -> str | None:
        """See the port."""
        await trio.lowlevel.checkpoint()
        said = self.says.pop(0) if self.says else None
        if isinstance(said, Exception):
            raise said
        if said is None:
            self.carried.append(message)
        return said


@attrs.define(eq=False)
class PostOffice:
    """Accounts that write, and a postman without a daemon."""

    database: Database
    carrier: FakeCarrier = attrs.field(factory=FakeCarrier)
    accounts: Accounts = attrs.field(init=False)
    postman: Postman = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.accounts = make_accounts(self.database, mail=True)
        head = Letterhead(config.Seller(name="Ada's Minutes"), "https://relay.example.org")
        self.postman = Postman(
            self.database, self.carrier, LETTERS, head, "relay@example.org", lambda: NOW
        )

    @property
    def addresses(self) -> Addresses:
        """Those of the accounts."""
        assert self.accounts.addresses is not None
        return self.accounts.addresses

    async def waiting(self) -> list[tuple[str, int, int]]:
        """Kind, attempts and seconds until the next one of what is in the queue."""
        return await self.database.transact(_waiting)

    async def make_due(self) -> None:
        """Let the pauses pass."""
        await self.database.transact(_run, "UPDATE mails SET next_attempt_at = now()")

    async def make_old(self) -> None:
        """Let all of it be past its time."""
        past = "SET created_at = now() - interval '9 days', expires_at = now()"
        await self.database.transact(_run, f"UPDATE mails {past}")
        await self.database.transact(_run, f"UPDATE one_time_links {past}")


def _waiting(connection: Connection) -> list[tuple[str, int, int]]:
    return [
        (row[0], row[1], row[2])
        for row in connection.execute(
            """
            SELECT kind, attempts, extract(epoch FROM next_attempt_at - now())::int
            FROM mails ORDER BY created_at
            """
        )
    ]


def _run(connection: Connection, statement: str) -> None:
    connection.execute(statement.encode())


@pytest.fixture
def office(database: Database) -> PostOffice:
    """An empty queue."""
    return PostOffice(database)


async def test_the_link_of_a_mail_works(office: PostOffice) -> None:
    """What a registration queued is sent once, and what it carries proves the address."""
    user = (await registered(office.accounts)).user
    assert await office.postman.work() == 1
    assert await office.postman.work() == 0
    (message,) = office.carrier.carried
    assert (message["To"], message["From"]) == (EMAIL, "Ada's Minutes <relay@example.org>")
    assert message["Date"] == "Sun, 01 Mar 2026 12:00:00 +0000"
    assert UUID(message["Message-ID"].strip("<>").partition("@")[0])
    token = message.get_content().partition("/proof#")[2].split()[0]
    proven = await office.addresses.prove(token)
    assert isinstance(proven, User)
    assert proven.id == user.id


async def test_no_token_is_in_the_database(office: PostOffice) -> None:
    """Whoever reads the queue can follow no link of it."""
    await registered(office.accounts)
    await office.addresses.ask_for_reset(EMAIL)

    def dump(connection: Connection) -> str:
        return repr(connection.execute("SELECT * FROM mails, one_time_links").fetchall())

    text = await office.database.transact(dump)
    await office.postman.work()
    assert len(office.carrier.carried) == 2
    for message in office.carrier.carried:
        token = message.get_content().partition("#")[2].split()[0]
        assert token not in text


async def test_a_server_that_is_away(
    office: PostOffice, declared_errors: DeclaredErrors, caplog: pytest.LogCaptureFixture
) -> None:
    """A mail waits ever longer and then goes; a wrong password is a person's to mend."""
    await registered(office.accounts)
    for attempt, pause_seconds in enumerate([15, 30, 60], start=1):
        office.carrier.says = [MailUnavailable("away")]
        assert await office.postman.work() == 0
        assert await office.waiting() == [("prove_address", attempt, pause_seconds)]
        await office.make_due()
    office.carrier.says = [MailUnavailable("bad credentials", refused=True)]
    assert await office.postman.work() == 0
    declared_errors.expect("mail waits")
    await office.make_due()
    assert await office.postman.work() == 1
    assert await office.waiting() == []
    assert EMAIL not in caplog.text


async def test_what_can_not_be_delivered(office: PostOffice) -> None:
    """It is not tried again, and other mails go."""
    await registered(office.accounts)
    await registered(office.accounts, "bob@example.com")
    office.carrier.says = ["550 no such user"]
    assert await office.postman.work() == 1
    assert await office.waiting() == []


async def test_giving_up(office: PostOffice, declared_errors: DeclaredErrors) -> None:
    """What was not sent while it was worth it never is, and the log says so; its link is gone."""
    await registered(office.accounts)
    await office.make_old()
    assert await office.postman.work() == 0
    await office.postman.give_up_old()
    declared_errors.expect("mail given up")
    assert await office.waiting() == []
    links = await office.database.transact(
        lambda connection: connection.execute("SELECT count(*) FROM one_time_links").fetchone()
    )
    assert links == (0,)


async def test_two_daemons(office: PostOffice) -> None:
    """What one has taken the other leaves alone, until its lease is over."""
    await registered(office.accounts)
    first = await office.database.transact(queue.claim, 8, 100)
    assert [one.kind for one in first] == [Kind.PROVE_ADDRESS]
    assert await office.postman.work() == 0
    await office.make_due()
    assert await office.postman.work() == 1


async def test_a_change_that_fails_writes_nothing(office: PostOffice) -> None:
    """A letter is queued by the transaction that it tells of: both, or neither."""
    signed_in = await registered(office.accounts)
    await office.postman.work()
    await office.accounts.disable(EMAIL)
    await office.accounts.change_password(signed_in.principal, PASSWORD, "battery staple")
    assert await office.waiting() == []
    await office.accounts.enable(EMAIL)
    assert isinstance(await office.accounts.login(EMAIL, PASSWORD), SignedIn)
    assert [kind for kind, _, _ in await office.waiting()] == ["new_sign_in"]


def test_no_mail_without_a_host() -> None:
    """An operator who names no mail server has no postman."""
    auth = config.Auth(secret=config.Secret("s"), pepper=config.Secret("p" * 32))
    assert Postman.configured(config.Config(auth=auth), None) is None  # type: ignore[arg-type]
