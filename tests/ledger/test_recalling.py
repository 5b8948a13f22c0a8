"""A session is wanted elsewhere: every daemon hears which one, and only where it is open."""

from uuid import UUID, uuid4

import psycopg
import pytest

from relayd.database.ports import Connection, Database
from relayd.ledger.continuing import recall
from relayd.ledger.holds import Policy
from tests.ledger.steps import end_of, request_of
from tests.ledger.store import Store

pytestmark = pytest.mark.system


async def test_daemons_hear_of_it(database: Database, database_url: str) -> None:
    """Its id, when its user asks; nothing of what is over, or another one's."""

    def begin(connection: Connection) -> tuple[UUID, UUID]:
        store = Store(connection)
        who = store.add_user(60_000)
        request = request_of(who)
        store.open(request, uuid4(), Policy())
        return request.session_id, who.user_id

    session_id, user_id = await database.transact(begin)
    with psycopg.connect(database_url, autocommit=True) as listener:
        listener.execute("LISTEN relayd_recalled")
        assert await database.transact(recall, session_id, uuid4())
        assert not await database.transact(recall, session_id, user_id)
        heard = [one.payload for one in listener.notifies(timeout=5, stop_after=1)]
        await database.transact(lambda one: Store(one).close(end_of(session_id, 0)))
        assert await database.transact(recall, session_id, user_id)
        heard += [one.payload for one in listener.notifies(timeout=0)]
    assert heard == [str(session_id)]
