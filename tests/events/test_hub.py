"""Who is woken by what, and how many may look."""

from uuid import UUID

import pytest
import trio.testing

from relayd.events.hub import Hub, HubSubscription
from relayd.identity import Credential, CredentialKind, Principal

ADA, BOB = UUID(int=1), UUID(int=2)


def looking(hub: Hub, user_id: UUID = ADA, sign_in: int = 10) -> HubSubscription:
    """Somebody who has seen how it is."""
    subscription = hub.subscribe(Principal.signed_in(user_id, UUID(int=sign_in)))
    assert subscription is not None
    assert subscription.changed
    subscription.changed = False
    return subscription


def test_a_change_wakes_its_user() -> None:
    """All pages of the user hear of it, nobody else's."""
    hub = Hub()
    one, two, other = looking(hub), looking(hub, sign_in=11), looking(hub, BOB, 20)
    hub.credit_changed(ADA)
    hub.credit_changed(UUID(int=3))
    assert (one.changed, two.changed, other.changed) == (True, True, False)


def test_anything_wakes_everybody() -> None:
    """After a gap in what was told everybody looks again."""
    hub = Hub()
    both = looking(hub), looking(hub, BOB)
    hub.anything_changed()
    assert all(one.changed for one in both)


def test_an_ended_sign_in_ends_its_own() -> None:
    """Other sign-ins of the same user go on."""
    hub = Hub()
    one, other = looking(hub, sign_in=10), looking(hub, sign_in=11)
    hub.credential_ended(Credential(CredentialKind.SIGN_IN, UUID(int=10)))
    assert (one.ended, other.ended) == (True, False)


def test_closed() -> None:
    """A draining daemon ends all and takes no more."""
    hub = Hub()
    one = looking(hub)
    hub.close()
    assert one.ended
    assert hub.closed
    assert hub.subscribe(one.principal) is None


@pytest.mark.parametrize("what", ["touch", "end"])
async def test_waiting(what: str, autojump_clock: trio.testing.MockClock) -> None:
    """Who waits is woken by a change or the end; what happened before is no reason to wait."""
    one = looking(Hub())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(one.wait)
        await trio.testing.wait_all_tasks_blocked()
        getattr(one, what)()
    await one.wait()
