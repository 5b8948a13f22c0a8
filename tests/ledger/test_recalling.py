"""A session is wanted elsewhere: every daemon hears which one, and only where it is open."""

from uuid import uuid4

import psycopg
import pytest

from relayd.database.ports import Connection, Database
from relayd.ledger.continuing import recall
from relayd.ledger.holds import Policy
from tests.ledger.steps import end_of, request_of
from tests.ledger.store import Store

pytestmark = pytest.mark.system


async def test_daemons_hear_of_it(database: Database, database_url: str) -> None:
    """Its id, once for each time that its user asks; nothing of what is over or another one's."""

    def play(connection: Connection) -> tuple[str, list[bool]]:
        store = Store(connection)
        who = store.add_user(60_000)
        request = request_of(who)
        store.open(request, uuid4(), Policy())
        own = (request.session_id, who.user_id)
        settled = [recall(connection, *own), recall(connection, own[0], uuid4())]
        store.close(end_of(own[0], 0))
        return str(own[0]), [*settled, recall(connection, *own)]

    with psycopg.connect(database_url, autocommit=True) as listener:
        listener.execute("LISTEN relayd_recalled")
        session_id, settled = await database.transact(play)
        heard = [one.payload for one in listener.notifies(timeout=5, stop_after=1)]
        heard += [one.payload for one in listener.notifies(timeout=0)]
    assert settled == [False, True, True]
    assert heard == [session_id]
