"""The stand-in as a command: ``python -m tests.stripe_standin --port 0 --webhook URL``.

Prints one line with its address. ``tests.stripe_standin.server`` says how to pull its levers.
"""

import argparse
import secrets
import signal
import sys

import trio

from tests.stripe_standin import Account, Manner, StandInStripe
from tests.stripe_standin.records import Records


def main(arguments: list[str] | None = None) -> None:
    """Serve until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m tests.stripe_standin", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--key", default="sk_test_standin", help="the one key that is let in")
    parser.add_argument("--webhook", default="", help="where events go; nowhere without it")
    parser.add_argument("--secret", default="whsec_standin", help="what events are signed with")
    parser.add_argument("--manner", default="once", choices=[one.value for one in Manner])
    trio.run(_serve, parser.parse_args(arguments))


async def _serve(options: argparse.Namespace) -> None:
    # A fresh seed: identifiers of an earlier run may still stand in somebody's database.
    account = Account(Records(seed=secrets.token_hex(8)))
    stand_in = StandInStripe(account, options.key)
    stand_in.postman.url = options.webhook
    stand_in.postman.secret = options.secret
    stand_in.postman.manner = Manner(options.manner)
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with trio.open_nursery() as nursery:
            url = await nursery.start(stand_in.serve, options.host, options.port)
            sys.stdout.write(f"stand-in Stripe listening on {url}\n")
            sys.stdout.flush()
            async for _ in signals:
                nursery.cancel_scope.cancel()
                break


if __name__ == "__main__":
    main()
