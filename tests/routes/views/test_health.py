"""GET /health, /health/live and /: for machines and passers-by."""

from tests.routes.world import World


async def test_connected() -> None:
    """With its database the service is well."""
    response = await World().ask("/health")
    assert response.status_code == 200
    assert await response.get_json() == {"status": "ok", "db": "connected"}


async def test_degraded() -> None:
    """Without its database it says so, with a status that load balancers understand."""
    world = World()
    world.lose_database()
    response = await world.ask("/health")
    assert response.status_code == 503
    assert await response.get_json() == {"status": "degraded", "db": "unreachable"}


async def test_live() -> None:
    """The process lives whatever became of the database."""
    world = World()
    world.lose_database()
    response = await world.ask("/health/live")
    assert response.status_code == 200
    assert await response.get_json() == {"status": "ok"}


async def test_about() -> None:
    """The bare address says to a program what this is."""
    response = await World().ask("/", headers={"Accept": "application/json"})
    body = await response.get_json()
    assert body["name"] == "relayd"
    assert (body["sales"], body["plans"]) == (False, [])
