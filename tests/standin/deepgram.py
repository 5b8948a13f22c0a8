"""The stand-in as a command: ``python -m tests.standin.deepgram --port 0``.

Prints one line with its address, then, with ``--report``, one line of JSON for each connection
that ended. ``--script '{"refuse": 402}'`` tells it how to behave.
"""

import argparse
import json
import signal
import sys

import trio

from tests.standin.script import Script
from tests.standin.server import Record, StandIn


def main(arguments: list[str] | None = None) -> None:
    """Serve until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m tests.standin.deepgram", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--key", default="standin-key", help="the one key that is let in")
    parser.add_argument("--script", default="{}", help="fields of Script, as JSON")
    parser.add_argument("--report", action="store_true", help="print each ended connection")
    options = parser.parse_args(arguments)
    # A command serves others by the hundred: it counts their audio and does not keep it.
    script = Script.from_json({"keep_audio": False, **json.loads(options.script)})

    def report(record: Record) -> None:
        print(json.dumps(record.summary()), flush=True)  # noqa: T201  its interface

    stand_in = StandIn(key=options.key, scripts=[script], records_max=1)
    if options.report:
        stand_in.on_end = report
    trio.run(_serve, stand_in, options.host, options.port)


async def _serve(stand_in: StandIn, host: str, port: int) -> None:
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with trio.open_nursery() as nursery:
            got = await nursery.start(stand_in.serve, host, port)
            sys.stdout.write(f"stand-in listening on ws://{host}:{got}\n")
            sys.stdout.flush()
            async for _ in signals:
                nursery.cancel_scope.cancel()
                break


if __name__ == "__main__":
    main()
