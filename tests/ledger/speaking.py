"""A session opened on a database, for tests of what lies beside the ledger."""

from uuid import uuid4

from relayd.database.ports import Connection, Database
from relayd.identity import Principal
from relayd.ledger.holds import Policy
from relayd.session.ports import Opened, OpenRefusal
from tests.ledger.steps import request_of
from tests.ledger.store import Store

__all__ = ["opened_by"]


async def opened_by(database: Database, who: Principal) -> Opened | OpenRefusal:
    """What somebody hears who wants to speak."""

    def transact(connection: Connection) -> Opened | OpenRefusal:
        return Store(connection).open(request_of(who), uuid4(), Policy())

    return await database.transact(transact)
