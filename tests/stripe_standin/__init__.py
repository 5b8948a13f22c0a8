"""A stand-in for Stripe: its objects, its API, its hosted page, its webhooks, and its whims.

Underneath is a plain state machine without I/O, so that a history of thousands of payments is
played in memory; the same one stands behind sockets for the official SDK and for browsers.

requests    pure: form-encoded parameters → values, and errors in Stripe's shape
shapes      pure: customers, sessions, intents, events as Stripe shows them
bills       pure: prices, subscriptions, invoices, the portal
money       pure: charges, refunds, disputes, balance transactions
orders      pure: what a Checkout Session may ask for
records     tables, identifiers, events
payments    intents and charges
subscriptions  periods and invoices, one after the other
checkout    what can happen to a Checkout Session
account     one Stripe account: customers, refunds, disputes, and all of them together
reading     filters and pages of lists, and `expand`
api         requests → answers: paths, keys, versions, idempotency, faults
postman     events → a webhook, signed: once, twice, out of order, late, never
pages       the hosted page
server      all of it over HTTP, and the levers by which another process plays the bank
story       accounts in which something has happened
client      the official SDK pointed at it, over sockets or in memory
"""

from tests.stripe_standin.account import Account
from tests.stripe_standin.api import Api, Fault, Whim
from tests.stripe_standin.postman import Manner, Postman
from tests.stripe_standin.server import StandInStripe

__all__ = ["Account", "Api", "Fault", "Manner", "Postman", "StandInStripe", "Whim"]
