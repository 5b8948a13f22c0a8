"""/account/second-factor, and what signing in takes with one."""

import pyotp

from tests.routes.world import CREDENTIALS, World, refusal

PATH = "/account/second-factor"


async def test_from_the_secret_to_the_sign_in() -> None:
    """It is asked for once it was confirmed, at both doors, and recovery codes do too."""
    world = World(requests_per_minute=100)
    token = (await world.register())["token"]
    begun = await (await world.post(PATH, CREDENTIALS, token=token)).get_json()
    assert set(begun) == {"secret", "uri", "qr"}
    assert pyotp.parse_uri(begun["uri"]).secret == begun["secret"]
    code = pyotp.TOTP(begun["secret"]).now()
    confirmed = await world.post(f"{PATH}/confirm", {"code": code}, token=token)
    recovery = (await confirmed.get_json())["recovery_codes"]
    assert len(recovery) == 10
    me = await (await world.ask("/account/me", token=token)).get_json()
    assert me["second_factor"] is True
    needed = await world.post("/auth/login", CREDENTIALS)
    assert await refusal(needed) == (401, "code_needed")
    headers = {"Sec-Fetch-Site": "same-origin"}
    for path, spent in (("/auth/login", recovery[0]), ("/session/login", recovery[1])):
        body = {**CREDENTIALS, "code": spent}
        assert (await world.post(path, body, headers=headers)).status_code == 200
        again = await world.post(path, body, headers=headers)
        assert await refusal(again) == (401, "wrong_code")


async def test_switching_it_off() -> None:
    """It takes the password and a code; then the password is enough."""
    world = World()
    token = (await world.register())["token"]
    codes = await world.switch_factor_on(token)
    body = {"password": CREDENTIALS["password"], "code": codes[0]}
    ended = await world.ask(PATH, "DELETE", token=token, json=body)
    assert await ended.get_json() == {"ended": True}
    assert (await world.post("/auth/login", CREDENTIALS)).status_code == 200


async def test_guesses_wait() -> None:
    """The answer says how long; a known app gets in meanwhile."""
    world = World(requests_per_minute=100)
    device_token = (await world.register())["device_token"]
    for _ in range(4):
        await world.post("/auth/login", {**CREDENTIALS, "password": "wrong horse"})
    late = await world.post("/auth/login", CREDENTIALS)
    assert await refusal(late) == (429, "too_many_guesses")
    assert late.headers["Retry-After"] == "15"
    known = await world.post("/auth/login", {**CREDENTIALS, "device_token": device_token})
    assert known.status_code == 200
