"""/api/v1/admin: everybody's, for keys of the operator."""

from relayd.identity import Scope
from relayd.plans.plans import PlanName
from tests.accounts.world import EMAIL
from tests.fakes.plans import MemoryPlans
from tests.routes.recording import open_studio
from tests.routes.world import World, refusal


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


async def test_accounts_by_address() -> None:
    """Page by page; each look leaves a row that says who looked, at what and why."""
    world = World()
    token = (await world.register())["token"]
    other = {"email": "bob@example.com", "password": "correct horse"}
    await world.post("/auth/register", other)
    key = await world.key(token, Scope.ADMIN)

    first = await (await world.ask("/api/v1/admin/users?limit=1", token=key)).get_json()
    assert [one["email"] for one in first["users"]] == [EMAIL]
    query = {"after": first["next_after"], "reason": "ticket 117"}
    rest = await world.ask("/api/v1/admin/users", token=key, query_string=query)
    rest = await rest.get_json()
    assert [one["email"] for one in rest["users"]] == ["bob@example.com"]
    assert rest["next_after"] is None

    me = world.store.users[EMAIL].id
    assert world.store.trail == [
        ("list_users", me, "by an API key", me),
        ("list_users", me, "ticket 117", me),
    ]


async def test_minutes_that_run_out_are_told() -> None:
    """The account's plan, and what became of each lot."""
    world = World(plans=MemoryPlans(PlanName.FREE))
    key = await world.key((await world.register())["token"], Scope.ADMIN)
    me = world.store.users[EMAIL].id
    found = await (await world.ask(f"/api/v1/admin/users/{me}", token=key)).get_json()
    (lot,) = found["lots"]
    assert (found["plan"], lot["plan"], lot["source"]) == ("free", "free", "free")
    assert [lot[f"seconds_{name}"] for name in ("given", "remaining", "spent")] == [600, 540, 60]
    assert (lot["seconds_expired"], lot["seconds_taken_back"]) == (0, 0)


async def test_no_plan_bounds_it() -> None:
    """Programs of the operator's are bounded by what an account may ask, whatever its plan."""
    world = World(plans=MemoryPlans(PlanName.FREE))
    key = await world.key((await world.register())["token"], Scope.ADMIN)
    await world.ask("/api/v1/admin/users", token=key)
    assert world.plans.admitted == []


async def test_one_account() -> None:
    """What it has and did lately; the row names whose it is. No sign-in sees it."""
    with open_studio() as studio:
        await studio.sign_in()
        world = studio.world
        await studio.taken()
        key = await world.key(studio.token, Scope.ADMIN)
        me = world.store.users[EMAIL].id
        found = await (await world.ask(f"/api/v1/admin/users/{me}", token=key)).get_json()
        assert found["user"]["email"] == EMAIL
        assert found["credit"]["seconds_remaining"] == 90.5
        assert (found["live_streams"], len(found["sessions"])) == (1, 20)
        assert [one["status"] for one in found["recordings"]] == ["queued"]
        assert found["purchases"] == []
        assert (found["plan"], found["lots"]) == (None, [])
        assert world.store.trail == [("read_user", me, "by an API key", me)]
        refused = await world.ask(f"/api/v1/admin/users/{me}", token=studio.token)
        assert await refusal(refused) == (403, "missing_scope")
