"""One history of payments, played on the real shop, the real SDK and the real PostgreSQL.

Stripe is the stand-in, reached in memory; the post is in the history's hands. What a step names
is chosen by its number among what is there, so that every list of steps is a history: the
hundreds say which object, from the latest on, the rest says how.
"""

import contextlib
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Final, TypeVar

import attrs
import trio

from relayd.config import Package, Secret
from relayd.database.ports import Database
from relayd.errors import StripeUnavailable
from relayd.identity import Principal
from relayd.payments.books.subscriptions import ForSubscribers
from relayd.payments.fulfilment.signature import Standard
from relayd.payments.ports import StripeApi
from relayd.payments.shop import Shop
from relayd.payments.stripe.api import API_VERSION
from tests.payments.histories.deliveries import Deliveries
from tests.payments.histories.speakers import Speakers
from tests.payments.histories.steps import Step
from tests.stripe_standin import Account, Api, Fault, Whim
from tests.stripe_standin.postman import sign
from tests.stripe_standin.requests import ApiError
from tests.stripe_standin.shapes import Json
from tests.stripe_standin.subscriptions import PERIOD_SECONDS

__all__ = ["PACKAGES", "PRO", "SECRET", "History", "shop_on"]

T = TypeVar("T")

SECRET: Final = "whsec_history"
HUNDRED: Final = 100
BASE_URL: Final = "https://relayd.test"
# Small enough that sessions use them up; seconds and prices that don't divide.
PACKAGES: Final = (
    Package(id="small", label="7 seconds", seconds=7, price_cents=99),
    Package(id="middle", label="61 seconds", seconds=61, price_cents=1301),
    Package(id="large", label="3000 minutes", seconds=180_000, price_cents=2999),
)
# So little that sessions use it up, at a price that it is no multiple of.
PRO: Final = ForSubscribers("pro", "price_pro", 2903, "usd", 45_007, live=True)
# So many seconds after its end, a backdated period.
OVER_SECONDS: Final = 1000


def shop_on(database: Database, stripe: StripeApi) -> Shop:
    """The shop as the daemon makes it."""
    standard = Standard((Secret(SECRET),), API_VERSION, live=False)
    return Shop(database, stripe, PACKAGES, standard, plans=(PRO,))


@attrs.define(eq=False)
class History:
    """Two users, their purchases, and what becomes of them."""

    shop: Shop
    api: Api
    users: Sequence[Principal]
    speakers: Speakers
    post: Deliveries = attrs.field(init=False)
    # Checkout Sessions by user, as Stripe has them: also those whose answer was lost.
    sessions: dict[str, Principal] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self.post = Deliveries(self.stripe)
        self.stripe.subscriptions.price(PRO.price_cents, key=PRO.price_id)

    @property
    def stripe(self) -> Account:
        """The stand-in's account."""
        return self.api.account

    async def play(self, step: Step, number: int) -> None:
        """One step; what Stripe refuses has not happened."""
        try:
            if step in _AT_STRIPE:
                _AT_STRIPE[step](self, number)
            else:
                await _HERE[step](self, number)
        except ApiError:
            pass  # A refund of nothing, a dispute of what is not paid: it can't be.

    async def buy(self, number: int) -> None:
        """Somebody asks for a checkout page."""
        who = self.users[number % 5 % len(self.users)]
        package = PACKAGES[number % len(PACKAGES)]
        with self._ordering(who):
            await self.shop.checkout(who, package.id, BASE_URL)

    async def subscribe(self, number: int) -> None:
        """Somebody asks for a page to subscribe on."""
        who = self.users[number % 5 % len(self.users)]
        with self._ordering(who):
            await self.shop.subscribing.begin(who, PRO.name, BASE_URL)

    @contextlib.contextmanager
    def _ordering(self, who: Principal) -> Iterator[None]:
        """Whatever Session is made meanwhile is theirs."""
        before = set(self.stripe.records.tables["cs"])
        yield
        for session_id in self.stripe.records.tables["cs"].keys() - before:
            self.sessions[session_id] = who

    async def come_back(self, number: int) -> None:
        """A return page asks how it went."""
        session_id = _chosen([*reversed(self.sessions)], number)
        if session_id is not None:
            await self.shop.purchase(self.sessions[session_id], session_id)
            await self.shop.subscribing.come_back(self.sessions[session_id], session_id)

    async def bring(self, event: Json | None) -> None:
        """A message comes to the webhook."""
        if event is not None:
            signed = sign(event, SECRET, self.stripe.records.now())
            await self.shop.webhook(signed.body, signed.header)

    async def work(self, number: int) -> None:
        """The daemon does what is due in the background."""
        await self.shop.customers.work()
        while await self.shop.events.work():
            pass

    async def reconcile(self, number: int) -> None:
        """A comparison with Stripe's lists, in the middle of everything."""
        with contextlib.suppress(StripeUnavailable):
            await self.shop.reconcile()

    async def meet(self, number: int) -> None:
        """Messages, work, a return page and perhaps a comparison, while Stripe changes."""
        subscribed = bool(self.stripe.records.tables["sub"])
        changes = (*_CHANGES, *_RECURRING) if subscribed else _CHANGES
        change = changes[number % len(changes)]
        async with trio.open_nursery() as nursery:
            for place, step in enumerate((change, *_MEETING[number % 2 :]), start=2):
                nursery.start_soon(self._play_later, step, number, number // place % 9)

    async def _play_later(self, step: Step, number: int, moments: int) -> None:
        """When others have taken some steps: after a look at Stripe, before its booking."""
        for _ in range(moments):
            await trio.lowlevel.checkpoint()
        await self.play(step, number)

    def session_id(self, number: int) -> str:
        """One of the Checkout Sessions."""
        session_id = _chosen([*reversed(self.sessions)], number)
        if session_id is None:
            raise ApiError(404, "nothing was ordered")
        return session_id

    def latest(self, prefix: str, number: int) -> str:
        """One of the refunds or the disputes, the latest first."""
        found = _chosen(list(self.stripe.records.all(prefix)), number)
        if found is None:
            raise ApiError(404, "there is none")
        key: str = found["id"]
        return key

    def paid_for(self, number: int) -> str:
        """A Checkout Session, or every other time the invoice of a later period."""
        later = [
            one["id"]
            for one in self.stripe.records.all("in")
            if one["billing_reason"] == "subscription_cycle"
        ]
        chosen = _chosen(later, number) if number % 2 else None
        return chosen or self.session_id(number)

    def pay(self, number: int) -> None:
        """Somebody pays by card; a subscription is sometimes backdated, its first period over."""
        ago = PERIOD_SECONDS + OVER_SECONDS if number % 4 == 3 else 0
        self.stripe.checkout.pay(self.session_id(number), began_seconds_ago=ago)

    def cancel(self, number: int, *, ends: bool) -> None:
        """A subscriber cancels in the portal, or thinks better of it."""
        params = {"cancel_at_period_end": str(ends).lower()}
        self.stripe.subscriptions.update(self.latest("sub", number), params)

    def part_of(self, key: str, number: int) -> int | None:
        """An amount: every third time all of it."""
        price = self.stripe.charge_of(key)["amount"]
        return None if number % 3 == 0 else 1 + number % HUNDRED * price // HUNDRED

    def refund(self, number: int, status: str = "succeeded") -> None:
        """The operator gives money back."""
        key = self.paid_for(number)
        self.stripe.refund(key, self.part_of(key, number), status)

    def dispute(self, number: int, *, inquiry: bool = False) -> None:
        """A bank disputes a payment, or asks about it."""
        key = self.paid_for(number)
        self.stripe.dispute(key, self.part_of(key, number), inquiry=inquiry)

    def trouble(self, number: int) -> None:
        """The next request to Stripe goes wrong in some way."""
        faults = (Fault.ERROR, Fault.LIMITED, Fault.CUT, Fault.LOST)
        self.api.whims.append(Whim(faults[number % len(faults)]))


def _chosen(values: Sequence[T], number: int) -> T | None:
    return values[number // HUNDRED % len(values)] if values else None


# What meets; the comparison only every other time.
_MEETING: Final = (
    Step.RECONCILE,
    Step.BRING,
    Step.BRING,
    Step.BRING_AGAIN,
    Step.WORK,
    Step.WORK,
    Step.RETURN,
    Step.RETURN,
)
_CHANGES: Final = (
    Step.PAY,
    Step.SUCCEED,
    Step.REFUND,
    Step.REFUND_FAILS,
    Step.WITHDRAW,
    Step.REINSTATE,
    Step.WIN,
    Step.LOSE,
)
# Beside them, where somebody subscribed.
_RECURRING: Final = (Step.RENEW, Step.RETRY, Step.CANCEL, Step.END_NOW)
AtStripe = Callable[[History, int], object]

_AT_STRIPE: Final[dict[Step, AtStripe]] = {
    Step.PAY: History.pay,
    Step.CANCEL: lambda h, n: h.cancel(n, ends=True),
    Step.KEEP: lambda h, n: h.cancel(n, ends=False),
    Step.RENEW: lambda h, n: h.stripe.subscriptions.renew(h.latest("sub", n)),
    Step.RENEW_UNPAID: lambda h, n: h.stripe.subscriptions.renew(h.latest("sub", n), paid=False),
    Step.RETRY: lambda h, n: h.stripe.subscriptions.retry(h.latest("in", n), paid=True),
    Step.RETRY_FAILS: lambda h, n: h.stripe.subscriptions.retry(h.latest("in", n), paid=False),
    Step.GIVE_UP: lambda h, n: h.stripe.subscriptions.give_up(h.latest("in", n)),
    Step.VOID: lambda h, n: h.stripe.subscriptions.void(h.latest("in", n)),
    Step.END_NOW: lambda h, n: h.stripe.subscriptions.end(h.latest("sub", n)),
    Step.DECLINE: lambda h, n: h.stripe.checkout.decline(h.session_id(n)),
    Step.PAY_LATER: lambda h, n: h.stripe.checkout.pay_later(h.session_id(n)),
    Step.SUCCEED: lambda h, n: h.stripe.checkout.succeed(h.session_id(n)),
    Step.FAIL: lambda h, n: h.stripe.checkout.fail(h.session_id(n)),
    Step.EXPIRE: lambda h, n: h.stripe.checkout.expire(h.session_id(n)),
    Step.REFUND: History.refund,
    Step.REFUND_SLOWLY: lambda h, n: h.refund(n, "pending"),
    Step.REFUND_ARRIVES: lambda h, n: h.stripe.refunds.turn(h.latest("re", n), "succeeded"),
    Step.REFUND_FAILS: lambda h, n: h.stripe.refunds.turn(h.latest("re", n), "failed"),
    Step.REFUND_CANCELED: lambda h, n: h.stripe.refunds.turn(h.latest("re", n), "canceled"),
    Step.DISPUTE: History.dispute,
    Step.INQUIRE: lambda h, n: h.dispute(n, inquiry=True),
    Step.WITHDRAW: lambda h, n: h.stripe.disputes.withdraw(h.latest("dp", n)),
    Step.RESPOND: lambda h, n: h.stripe.disputes.respond(h.latest("dp", n)),
    Step.REINSTATE: lambda h, n: h.stripe.disputes.reinstate(h.latest("dp", n)),
    Step.WIN: lambda h, n: h.stripe.disputes.close(h.latest("dp", n), "won"),
    Step.LOSE: lambda h, n: h.stripe.disputes.close(h.latest("dp", n), "lost"),
    Step.LET_GO: lambda h, n: h.stripe.disputes.close(h.latest("dp", n), "warning_closed"),
    Step.NEVER_BRING: lambda h, n: h.post.lose(n),
    Step.OPEN: lambda h, n: h.speakers.open(h.users[n % 5 % len(h.users)]),
    Step.SPEAK: lambda h, n: h.speakers.speak(n // HUNDRED, 1 + n % HUNDRED),
    Step.HANG_UP: lambda h, n: h.speakers.hang_up(n // HUNDRED),
    Step.TROUBLE: History.trouble,
}
_HERE: Final[dict[Step, Callable[[History, int], Awaitable[object]]]] = {
    Step.BUY: History.buy,
    Step.SUBSCRIBE: History.subscribe,
    Step.RETURN: History.come_back,
    Step.BRING: lambda h, n: h.bring(h.post.next(0)),
    Step.BRING_LATE: lambda h, n: h.bring(h.post.next(n)),
    Step.BRING_AGAIN: lambda h, n: h.bring(h.post.again(n)),
    Step.WORK: History.work,
    Step.RECONCILE: History.reconcile,
    Step.MEET: History.meet,
}
