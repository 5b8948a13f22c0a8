"""A stand-in for Stripe: its objects, its API, its hosted page, its webhooks, and its whims.

Underneath is a plain state machine without I/O, so that a history of thousands of payments is
played in memory; the same one stands behind sockets for the official SDK and for browsers.

problems    errors in Stripe's shape
forms       pure: form-encoded bodies with nested keys → values
shapes      pure: customers, sessions, intents as Stripe shows them
money       pure: charges, refunds, disputes, balance transactions
records     tables, identifiers, events
customers   what can be done with a customer
checkout    what can happen to a Checkout Session, until it is paid, failed or expired
ordering    pure: what a Checkout Session may ask for
refunds     money given back, at once, later or after all not
disputes    money taken back by a bank
account     all of them together: one Stripe account
expansion   pure: `expand`
listing     pure: filters and pages of lists
api         requests → answers: keys, versions, idempotency, faults
routes      paths → what is done
signing     the signature of a webhook
postman     events → a webhook: once, twice, out of order, late, never
pages       the hosted page
story       accounts in which something has happened
control     how a test outside of this process plays the bank
server      all of it over HTTP
client      the official SDK pointed at it, over sockets or in memory
"""

from tests.stripe_standin.account import Account
from tests.stripe_standin.api import Api, Fault, Whim
from tests.stripe_standin.postman import Manner, Postman
from tests.stripe_standin.server import StandInStripe

__all__ = ["Account", "Api", "Fault", "Manner", "Postman", "StandInStripe", "Whim"]
