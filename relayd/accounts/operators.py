"""Operators: the accounts that may move money by hand, and the trail of what was done by hand.

Everything of the kind goes through `Operators.act`, from the command line and from pages: it finds
out whose hand it is, asks for a code of their second factor where `auth.operator_second_factor`
wants that, and writes one row of an append-only trail in the transaction that does the thing.
"""

import enum
from collections.abc import Callable
from typing import Final, TypeVar
from uuid import UUID

import attrs

from relayd import logs
from relayd.accounts import operator_trail
from relayd.accounts.operator_trail import Deed, TrailRow
from relayd.accounts.outcomes import ChangeRefusal, Credentials, Delayed, LoginRefusal
from relayd.accounts.proving.proving import Proving
from relayd.accounts.sign_ins.devices import STRANGER, Visitor
from relayd.accounts.users import users
from relayd.database.ports import Connection, Database
from relayd.ledger import balances
from relayd.ledger.balances import Entry
from relayd.ledger.outcomes import Booked, BookingRefusal

__all__ = [
    "APPOINT",
    "DISABLE",
    "DISMISS",
    "ENABLE",
    "GIVE",
    "LIST_USERS",
    "MAKE_ADMIN_KEY",
    "READ_QUEUE",
    "READ_USER",
    "RESET_FACTOR",
    "Deed",
    "Hand",
    "OperatorRefusal",
    "Operators",
]

log = logs.get(__name__)

T = TypeVar("T")

# What programs of an operator look at.
READ_QUEUE: Final = "read_queue"
LIST_USERS: Final = "list_users"
READ_USER: Final = "read_user"
# Actions beside the kinds of entries that are booked by hand ("grant", "adjustment").
APPOINT: Final = "appoint_operator"
DISMISS: Final = "dismiss_operator"
RESET_FACTOR: Final = "reset_second_factor"
DISABLE: Final = "disable_user"
ENABLE: Final = "enable_user"
# Minutes that run out.
GIVE: Final = "give_minutes"
MAKE_ADMIN_KEY: Final = "make_admin_key"


@attrs.frozen
class Hand:
    """Whose hand it is: an operator's account, with a code of its second factor; or a login name.

    ``login``: on the machine, where a command is run; pages leave it empty, and name the operator
    whose sign-in they have. ``visitor``: where the code was typed, for who guesses.
    """

    operator_id: UUID | None = None
    code: str = attrs.field(default="", repr=False)
    login: str = ""
    visitor: Visitor = STRANGER


class OperatorRefusal(enum.Enum):
    """Why a hand may not do it."""

    # A second factor is wanted, and no operator was named to show one.
    UNNAMED = enum.auto()
    NO_OPERATOR = enum.auto()
    NO_SECOND_FACTOR = enum.auto()
    CODE_NEEDED = enum.auto()
    WRONG_CODE = enum.auto()


@attrs.frozen
class Operators:
    """Expected outcomes are values; every call raises `DatabaseUnavailable`."""

    database: Database
    proving: Proving
    # Whether whoever moves money by hand must show a code (`auth.operator_second_factor`).
    factor_required: bool = False

    async def book(
        self, hand: Hand, entry: Entry
    ) -> Booked | BookingRefusal | OperatorRefusal | Delayed:
        """Grant or adjust credit by hand."""
        deed = Deed(entry.kind, entry.user_id, entry.reason, entry.amount_ms, entry.key)
        return await self.act(hand, deed, lambda connection: balances.book(connection, entry))

    async def appoint(
        self, hand: Hand, user_id: UUID, reason: str
    ) -> bool | OperatorRefusal | Delayed:
        """Make an account an operator's; False where it is one already."""
        return await self.change_one(hand, Deed(APPOINT, user_id, reason), operator_trail.appoint)

    async def dismiss(
        self, hand: Hand, user_id: UUID, reason: str
    ) -> bool | OperatorRefusal | Delayed:
        """Make it an ordinary account again; False where it is one already."""
        return await self.change_one(hand, Deed(DISMISS, user_id, reason), operator_trail.dismiss)

    async def change_one(
        self, hand: Hand, deed: Deed, change: Callable[[Connection, UUID], bool]
    ) -> bool | OperatorRefusal | Delayed:
        """Change what an operator may, or is asked for. The first has nobody who could agree."""
        first = not await self.database.transact(operator_trail.factor_is_in_use)
        operators = attrs.evolve(self, factor_required=False) if first else self
        return await operators.act(hand, deed, lambda connection: change(connection, deed.user_id))

    async def set_disabled(
        self, hand: Hand, deed: Deed, *, disabled: bool
    ) -> bool | ChangeRefusal | OperatorRefusal | Delayed:
        """Keep an account out, or let it in again; False where it stands so already."""
        return await self.act(
            hand,
            deed,
            lambda connection: users.change_disabled(connection, deed.user_id, disabled=disabled),
        )

    async def is_operator(self, user_id: UUID) -> bool:
        """Whether an account is an operator's, and may be used."""
        return await self.database.transact(operator_trail.is_operator, user_id)

    async def trail(self, most: int) -> list[TrailRow]:
        """What was done last, newest first."""
        return await self.database.transact(operator_trail.read, most)

    async def note(self, deed: Deed, operator_id: UUID) -> None:
        """Leave a row of what a program of theirs looked at, by its key."""
        await self.database.transact(operator_trail.record, deed, operator_id, "", factor=False)

    async def act(
        self, hand: Hand, deed: Deed, change: Callable[[Connection], T]
    ) -> T | OperatorRefusal | Delayed:
        """Do something by hand, in one transaction with its row of the trail.

        ``change`` may be called again, as every transaction. Where it returns a refusal (a member
        of an enumeration), False, or what says that it was ``repeated``, nothing was done.
        """
        shown = await self._show(hand)
        if not isinstance(shown, bool):
            log.warning("not done by hand", action=deed.action, user=deed.user_id, by=_by(hand))
            return shown
        outcome = await self.database.transact(_do, hand, deed, change, factor=shown)
        if _took_effect(outcome):
            log.info("done by hand", action=deed.action, user=deed.user_id, by=_by(hand))
        return outcome

    async def _show(self, hand: Hand) -> bool | OperatorRefusal | Delayed:
        """Whether a second factor was shown, or why it isn't enough."""
        if hand.operator_id is None:
            return OperatorRefusal.UNNAMED if self.factor_required else False
        known = await self.database.transact(users.find_credentials_by_id, hand.operator_id)
        if known is None or not await self.is_operator(known.user.id):
            return OperatorRefusal.NO_OPERATOR
        if not (self.factor_required or hand.code):
            return False
        if not known.second_factor:
            return OperatorRefusal.NO_SECOND_FACTOR
        return await self._judge(known, hand)

    async def _judge(self, known: Credentials, hand: Hand) -> bool | OperatorRefusal | Delayed:
        wrong = await self.proving.code(known, hand.code, hand.visitor)
        match wrong:
            case None:
                return True
            case LoginRefusal.CODE_NEEDED:
                return OperatorRefusal.CODE_NEEDED
            case LoginRefusal():
                return OperatorRefusal.WRONG_CODE
            case Delayed():
                return wrong


def _do(
    connection: Connection,
    hand: Hand,
    deed: Deed,
    change: Callable[[Connection], T],
    *,
    factor: bool,
) -> T | OperatorRefusal:
    who = hand.operator_id
    # Whoever was dismissed meanwhile does nothing any more.
    if who is not None and not operator_trail.is_operator(connection, who):
        return OperatorRefusal.NO_OPERATOR
    outcome = change(connection)
    if _took_effect(outcome):
        operator_trail.record(connection, deed, who, hand.login, factor=factor)
    return outcome


def _took_effect(outcome: object) -> bool:
    refused = outcome is False or isinstance(outcome, enum.Enum)
    return not (refused or getattr(outcome, "repeated", False))


def _by(hand: Hand) -> object:
    return hand.operator_id or hand.login
