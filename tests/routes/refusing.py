"""How each documented refusal comes about: for the test that each of them can.

A scenario asks one operation, with what the document shows as its example, in a world in which
something is wrong. Most scenarios fit every operation that documents their code.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import attrs
from quart import Response

from relayd.errors import DatabaseUnavailable
from relayd.events.hub import Hub
from relayd.events.live import LiveCredit
from relayd.identity import Scope
from relayd.mail.letters import Kind
from relayd.payments.books.receipts import ReceiptRefusal
from relayd.payments.fulfilment.signature import Rejected
from relayd.payments.shop import CheckoutRefusal
from tests.accounts.world import EMAIL
from tests.fakes.credit import MemoryCredit
from tests.routes.recording import open_studio
from tests.routes.refusing_recordings import RECORDING
from tests.routes.tills import Till, open_shop
from tests.routes.world import CREDENTIALS, World

__all__ = ["SCENARIOS", "Call", "Scenario", "sent", "shopping", "too_many"]

LONG = b" " * (2 * 1024 * 1024)


@attrs.frozen
class Call:
    """One operation, as the document has it."""

    method: str
    path: str
    operation: dict[str, Any]

    @property
    def body(self) -> Any:
        """The example of its body in JSON; None where it takes none."""
        content = self.operation.get("requestBody", {}).get("content", {})
        return content.get("application/json", {}).get("example")

    @property
    def address(self) -> str:
        """Its path, with the examples of its parameters."""
        path = self.path
        for one in self.operation.get("parameters", []):
            path = path.replace(f"{{{one['name']}}}", str(one["schema"]["examples"][0]))
        return path

    @property
    def is_authenticated(self) -> bool:
        """Whether it takes an access token."""
        return {"bearer": []} in self.operation["security"]

    async def ask(self, world: World, *, token: str | None = None, **more: Any) -> Response:
        """Call it with the examples of its parameters."""
        headers = dict(SIGNED)
        for one in self.operation.get("parameters", []):
            if one["in"] == "header":
                headers[one["name"]] = str(one["schema"]["examples"][0])
        headers |= more.pop("headers", {})
        if self.body is not None and "data" not in more:
            more = {"json": self.body} | more
        return await world.ask(self.address, self.method, token=token, headers=headers, **more)

    async def ask_raw(self, raw: bytes, content_type: str = "application/json") -> Response:
        """The same by somebody who is signed in, with this body."""
        with open_studio() as studio:
            world = studio.world
            open_shop(world, Till())
            headers = {"Content-Type": content_type}
            return await self.ask(
                world, token=await self.admitted(world), data=raw, headers=headers
            )

    async def admitted(self, world: World) -> str:
        """What a fresh account is let in with: a sign-in's token, or an operator's key."""
        signed_in = await token(world)
        if {"key": [Scope.ADMIN.value]} in self.operation["security"]:
            return await world.key(signed_in, Scope.ADMIN)
        return signed_in


# Well-formed, so that a webhook's body is read; the other operations don't look at it.
SIGNED: Final = {"Stripe-Signature": f"t=1,v1={'0' * 64}"}


async def token(world: World) -> str:
    """An access token of a fresh account."""
    return str((await world.register())["token"])


Scenario = Callable[[Call], Awaitable[Response]]


def shopping(outcome: Any, **changes: Any) -> Scenario:
    """Somebody who is signed in, in a shop with this answer."""

    async def scenario(call: Call) -> Response:
        world = World()
        open_shop(world, Till(outcome), **changes)
        return await call.ask(world, token=await token(world))

    return scenario


def sent(raw: bytes, content_type: str = "application/json") -> Scenario:
    """With this body."""
    return lambda call: call.ask_raw(raw, content_type)


def changed(field: str, value: Any) -> Scenario:
    """The example of the body, with another value in one field."""

    async def scenario(call: Call) -> Response:
        world = World()
        signed_in = await token(world) if call.is_authenticated else None
        fields = {"password": CREDENTIALS["password"]} if call.is_authenticated else {}
        body = {**call.body, **fields, field: value}
        return await call.ask(world, token=signed_in, json=body)

    return scenario


async def unsigned(call: Call) -> Response:
    """No token."""
    world = World()
    return await call.ask(world, json={}) if call.body else await call.ask(world)


async def refused_token(call: Call) -> Response:
    """A refresh token that is none, or no cookie."""
    return await call.ask(World())


# What an address may refresh where it may try once to sign in.
_OFTEN: Final = 6


async def again(call: Call) -> Response:
    """More often than once a minute."""
    world = World(requests_per_minute=1, requests_per_user=1)
    signed_in = await call.admitted(world) if call.is_authenticated else None
    for _ in range(_OFTEN):
        await call.ask(world, token=signed_in)
    return await call.ask(world, token=signed_in)


def too_many(outcome: Any, most: int) -> Scenario:
    """Once more than a person does it, in a shop with this answer."""

    async def scenario(call: Call) -> Response:
        world = World()
        open_shop(world, Till(outcome))
        signed_in = await token(world)
        for _ in range(most):
            await call.ask(world, token=signed_in)
        return await call.ask(world, token=signed_in)

    return scenario


async def outage(call: Call) -> Response:
    """The database went away; the token was good."""
    world = World()
    signed_in = await token(world) if call.is_authenticated else None
    world.lose_database()
    headers = {"Cookie": f"__Host-relayd={'x' * 43}"}
    return await call.ask(world, token=signed_in, headers=headers)


async def taken(call: Call) -> Response:
    """An address that has an account."""
    world = World()
    await world.register()
    return await call.ask(world, json=CREDENTIALS)


async def disabled(call: Call) -> Response:
    """The right password of a disabled account."""
    world = World()
    await world.register()
    await world.accounts.disable(EMAIL)
    return await call.ask(world, json=CREDENTIALS)


async def signed_in(call: Call) -> Response:
    """Somebody with a good token, in a world as it is."""
    world = World()
    return await call.ask(world, token=await token(world))


async def draining(call: Call) -> Response:
    """A daemon that goes down."""
    world = World(live_credit=LiveCredit(Hub(closed=True), MemoryCredit()))
    return await call.ask(world, token=await token(world))


async def elsewhere(call: Call) -> Response:
    """A request that another site's page made."""
    world = World()
    return await call.ask(world, headers={"Sec-Fetch-Site": "cross-site"})


async def without_mail(call: Call) -> Response:
    """A server that sends none."""
    world = World(mail=False)
    return await call.ask(world, token=await token(world))


async def proven(call: Call) -> Response:
    """An address that was proven before, asked about again."""
    world = World()
    signed_in = await token(world)
    await world.post("/auth/address/prove", {"token": world.letter(Kind.PROVE_ADDRESS)})
    return await call.ask(world, token=signed_in, json=CREDENTIALS)


async def weak_by_link(call: Call) -> Response:
    """A good link, and a password that everybody tries first."""
    world = World()
    await world.register()
    await world.post("/auth/password/forgotten", {"email": EMAIL})
    body = {"token": world.letter(Kind.RESET_PASSWORD), "new_password": "password1"}
    return await call.ask(world, json=body)


async def taken_meanwhile(call: Call) -> Response:
    """The link to another address, after somebody else registered it."""
    world = World()
    moved = {**CREDENTIALS, "email": "bob@example.com"}
    await world.post("/account/address", moved, token=await token(world))
    await world.post("/auth/register", moved)
    return await call.ask(world, json={"token": world.letter(Kind.CHANGE_ADDRESS)})


async def taken_by_another(call: Call) -> Response:
    """The address of another account."""
    world = World()
    other = {**CREDENTIALS, "email": "bob@example.com"}
    await world.post("/auth/register", other)
    return await call.ask(world, token=await token(world), json=other)


async def guessed(call: Call) -> Response:
    """The fifth wrong password in a row."""
    world = World(requests_per_minute=100)
    signed_in = await token(world)
    wrong = {**call.body, **CREDENTIALS, "password": "wrong horse"}
    for _ in range(4):
        await call.ask(world, token=signed_in, json=wrong)
    return await call.ask(world, token=signed_in, json=wrong)


async def without_code(call: Call) -> Response:
    """The right password of an account that takes a code too."""
    world = World()
    await world.switch_factor_on(await token(world))
    return await call.ask(world, json=CREDENTIALS)


async def wrong_code(call: Call) -> Response:
    """Beside the right password."""
    world = World()
    signed_in = await token(world)
    await world.switch_factor_on(signed_in)
    return await call.ask(world, token=signed_in, json={**CREDENTIALS, "code": "no code"})


async def wrong_first_code(call: Call) -> Response:
    """Of an app that was never told the secret."""
    world = World()
    signed_in = await token(world)
    await world.post("/account/second-factor", CREDENTIALS, token=signed_in)
    return await call.ask(world, token=signed_in, json={"code": "no code"})


async def required(call: Call) -> Response:
    """A second factor that the operator wants."""
    world = World()
    signed_in = await token(world)
    await world.switch_factor_on(signed_in)
    (user_id,) = world.store.factors
    await world.accounts.second_factor.require(user_id, required=True)
    return await call.ask(world, token=signed_in, json={**CREDENTIALS, "code": "no code"})


async def switched_on_before(call: Call) -> Response:
    """A second factor, set up again."""
    world = World()
    signed_in = await token(world)
    await world.switch_factor_on(signed_in)
    return await call.ask(world, token=signed_in, json=CREDENTIALS)


async def never_begun(call: Call) -> Response:
    """A second factor that isn't there."""
    world = World()
    body = {**CREDENTIALS, "code": "123456"}
    return await call.ask(world, token=await token(world), json=body)


# By code; where an operation's differ, by operation and code.
SCENARIOS: Final[dict[str, Scenario]] = {
    "malformed_json": sent(b"{"),
    "unsupported_media_type": sent(b"{}", "text/plain"),
    "body_too_large": sent(LONG),
    "invalid_field": sent(
        b'{"email":1,"password":1,"refresh_token":1,"package_id":1,"new_password":1,"token":1,'
        b'"code":1,"url":1}'
    ),
    "missing_field": sent(b"{}"),
    "auth_failed": unsigned,
    "rate_limited": again,
    "billing_checkout rate_limited": too_many(CheckoutRefusal.UNKNOWN_PACKAGE, 10),
    "billing_summary rate_limited": too_many(None, 60),
    "billing_receipt rate_limited": too_many(ReceiptRefusal.NO_RECEIPT, 60),
    "service_unavailable": outage,
    "webhooks_stripe_webhook service_unavailable": shopping(DatabaseUnavailable("gone")),
    "email_taken": taken,
    "invalid_email": changed("email", "nobody"),
    "invalid_password": changed("password", "short"),
    "browser_sessions_password invalid_password": changed("new_password", "short"),
    "too_many_guesses": guessed,
    "code_needed": without_code,
    "wrong_code": wrong_code,
    "code_refused": wrong_code,
    "second_factor_confirm code_refused": wrong_first_code,
    "second_factor_required": required,
    "second_factor_unchanged": never_begun,
    "second_factor_begin second_factor_unchanged": switched_on_before,
    "mail_off": without_mail,
    "address_proven": proven,
    "stale_link": lambda call: call.ask(World()),
    "addresses_reset invalid_password": weak_by_link,
    "addresses_prove email_taken": taken_meanwhile,
    "addresses_change email_taken": taken_by_another,
    "invalid_credentials": refused_token,
    "account_disabled": disabled,
    "invalid_refresh_token": refused_token,
    "cross_site": elsewhere,
    "wrong_password": changed("password", "not this one"),
    "too_many_streams": signed_in,
    "server_draining": draining,
    "sales_off": signed_in,
    "unknown_package": shopping(CheckoutRefusal.UNKNOWN_PACKAGE),
    "credit_frozen": shopping(CheckoutRefusal.CREDIT_FROZEN),
    "payments_unavailable": shopping(CheckoutRefusal.STRIPE_UNAVAILABLE),
    "billing_receipt payments_unavailable": shopping(ReceiptRefusal.STRIPE_UNAVAILABLE),
    "unknown_purchase": shopping(None),
    "billing_receipt unknown_purchase": shopping(ReceiptRefusal.UNKNOWN_PURCHASE),
    "no_receipt": shopping(ReceiptRefusal.NO_RECEIPT),
    "bad_signature": shopping(Rejected("bad_signature", "why.")),
    "malformed_event": shopping(Rejected("malformed_event", "why.")),
    "wrong_api_version": shopping(Rejected("wrong_api_version", "why.")),
    "wrong_mode": shopping(Rejected("wrong_mode", "why.")),
    **RECORDING,
}
