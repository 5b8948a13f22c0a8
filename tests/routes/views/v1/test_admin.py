"""/api/v1/admin: everybody's, for keys of the operator."""

from relayd.identity import Scope
from tests.routes.recording import open_studio
from tests.routes.world import refusal


async def test_the_whole_queue() -> None:
    """How much waits, of everybody, is what workers are started and stopped by."""
    with open_studio() as studio:
        await studio.sign_in()
        await studio.taken()
        await studio.taken()
        key = await studio.world.key(studio.token, Scope.ADMIN)
        response = await studio.world.ask("/api/v1/admin/queue-stats", token=key)
        assert response.status_code == 200
        assert await response.get_json() == {
            "waiting_seconds": 123,
            "oldest_seconds": 2.5,
            "queued": 2,
            "delayed": 0,
            "running": 0,
            "users_waiting": 1,
            "workers": 0,
            "slots": 0,
        }


async def test_not_for_users() -> None:
    """Neither a sign-in nor a key of a user's is good for it."""
    with open_studio() as studio:
        await studio.sign_in()
        key = await studio.world.key(studio.token, Scope.BATCH, Scope.READ, Scope.LIVE)
        for token in (studio.token, key):
            response = await studio.world.ask("/api/v1/admin/queue-stats", token=token)
            assert (await refusal(response))[0] == 403
