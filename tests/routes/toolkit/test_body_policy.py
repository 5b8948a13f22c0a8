"""What of a body is taken: by the route that a request goes to, before anything is read."""

from relayd.edge.body import BodyPolicy
from relayd.routes.toolkit.body_policy import JSON
from tests.routes.world import World


async def test_by_route() -> None:
    """A route's own policy holds for its address and method, the usual one for everything else."""
    policies = World().app.body_policies
    assert policies.of("POST", "/webhooks/stripe") == BodyPolicy(
        1024 * 1024, 10, streamed=True, at_once=16
    )
    for method, path in [
        ("GET", "/webhooks/stripe"),
        ("POST", "/auth/login"),
        ("POST", "/billing/purchases/cs_1/receipt"),
        ("GET", "/nowhere"),
        ("BREW", "/health"),
        ("POST", "//"),
        ("GET", "\x00"),
        ("GET", "/assets/a/b/c"),
        ("GET", "/ws/transcribe"),
    ]:
        assert policies.of(method, path) == JSON
