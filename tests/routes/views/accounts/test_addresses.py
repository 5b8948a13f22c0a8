"""/auth/password/*, /auth/address/* and /account/address*: what mail makes possible, over HTTP."""

from relayd.mail.letters import Kind
from tests.accounts.world import EMAIL, PASSWORD
from tests.routes.world import CREDENTIALS, World, refusal

NEXT = "battery staple"


async def test_a_forgotten_password() -> None:
    """From the question to the sign-in with the new one; the link works once."""
    world = World()
    await world.register()
    asked = await world.post("/auth/password/forgotten", {"email": EMAIL})
    assert (asked.status_code, await asked.get_json()) == (200, {"sent": True})
    body = {"token": world.letter(Kind.RESET_PASSWORD), "new_password": NEXT}
    changed = await world.post("/auth/password/reset", body)
    assert (changed.status_code, await changed.get_json()) == (200, {"changed": True})
    assert await refusal(await world.post("/auth/password/reset", body)) == (410, "stale_link")
    signed_in = await world.post("/auth/login", {"email": EMAIL, "password": NEXT})
    assert signed_in.status_code == 200


async def test_nobody_is_told_who_has_an_account() -> None:
    """An unknown address gets the very same answer, also once that is asked too often."""
    world = World(requests_per_minute=100)
    await world.register()
    answers = []
    for email in (EMAIL, "nobody@example.com"):
        for _ in range(4):
            answer = await world.post("/auth/password/forgotten", {"email": email})
            answers.append((answer.status_code, await answer.get_data()))
    assert answers[:4] == answers[4:]
    assert [status for status, _ in answers[:4]] == [200, 200, 200, 429]


async def test_proving_an_address() -> None:
    """/account/me says whether it is; the link proves it, and can be had again until then."""
    world = World()
    token = (await world.register())["token"]
    before = await (await world.ask("/account/me", token=token)).get_json()
    assert before["email_proven"] is False
    again = await world.ask("/account/address/proof", "POST", token=token)
    assert await again.get_json() == {"sent": True}
    link = {"token": world.letter(Kind.PROVE_ADDRESS)}
    proven = await world.post("/auth/address/prove", link)
    assert await proven.get_json() == {"email": EMAIL}
    after = await (await world.ask("/account/me", token=token)).get_json()
    assert after["email_proven"] is True


async def test_another_address() -> None:
    """It takes the password, and the link that is sent there."""
    world = World()
    token = (await world.register())["token"]
    new = "countess@example.org"
    asked = await world.post("/account/address", {"email": new, "password": PASSWORD}, token=token)
    assert await asked.get_json() == {"sent": True}
    link = {"token": world.letter(Kind.CHANGE_ADDRESS)}
    assert await (await world.post("/auth/address/prove", link)).get_json() == {"email": new}
    me = await (await world.ask("/account/me", token=token)).get_json()
    assert (me["email"], me["email_proven"]) == (new, True)


async def test_a_known_app_is_no_stranger() -> None:
    """Signing in with the token of an earlier sign-in sends no notice, without it one."""
    world = World()
    device_token = (await world.register())["device_token"]
    await world.post("/auth/login", {**CREDENTIALS, "device_token": device_token})
    assert [one.letter.kind for one in world.store.mails] == [Kind.PROVE_ADDRESS]
    await world.post("/auth/login", CREDENTIALS)
    notice = world.store.mails[-1].letter
    assert notice.kind is Kind.NEW_SIGN_IN
    assert notice.facts["where"] == "203.0.113.7"
