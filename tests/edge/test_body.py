"""Bodies at the edge: bounded by their route's policy, and streamed ones as slow as their view."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio.testing

from relayd.edge.body import BodyPolicy, BodyRules, BodyTooLarge, BodyTooSlow, StreamedBody
from relayd.errors import ClientGone
from tests.edge.caller import SETTINGS, Caller, call, opened_door

MIB = 2**20
WHOLE = BodyPolicy(1000, 10)
STREAMED = BodyPolicy(64 * MIB, 10, streamed=True)


def refusal(bytes_max: int) -> bytes:
    """The application's words for more than this."""
    return f'{{"error":"over {bytes_max}"}}'.encode()


RULES = BodyRules(lambda _, path: STREAMED if path == "/st reamed" else WHOLE, refusal)

View = Callable[[StreamedBody], Awaitable[str]]


def head(length: int | None, *, path: str = "/st%20reamed?x", more: str = "") -> bytes:
    """A request's head; without a length its body is in chunks."""
    framing = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    return f"POST {path} HTTP/1.1\r\nHost: x\r\n{framing}\r\n{more}\r\n".encode()


def streaming(view: View) -> Any:
    """An application that gives each body to this view, and answers with what it says."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert await receive() == {"type": "http.request", "body": b"", "more_body": False}
        said = (await view(scope["extensions"]["relayd.body"])).encode()
        headers = [(b"content-length", str(len(said)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": said})

    return app


@asynccontextmanager
async def calling(app: Any) -> AsyncIterator[Caller]:
    """A connection to it."""
    async with (
        opened_door(app, SETTINGS, bodies=RULES) as door,
        trio.open_nursery() as nursery,
    ):
        # In lockstep: what the edge has not read, its sender has not sent.
        yield call(door, nursery, lockstep=True)
        nursery.cancel_scope.cancel()


async def take_all(body: StreamedBody) -> str:
    """How much came, or what ended it."""
    count = 0
    try:
        while part := await body.take():
            count += len(part)
    except (BodyTooLarge, BodyTooSlow, ClientGone) as fault:
        bound = f" of {fault.bytes_max}" if isinstance(fault, BodyTooLarge) else ""
        return type(fault).__name__ + bound
    return str(count)


@pytest.mark.parametrize("announced", [True, False])
async def test_as_slow_as_its_view(autojump_clock: trio.testing.MockClock, announced: bool) -> None:
    """64 MiB pass through a view that rests for minutes on the way, no part read ahead of it."""
    sent = taken = ahead = 0

    async def slow(body: StreamedBody) -> str:
        nonlocal taken, ahead
        while part := await body.take():
            taken += len(part)
            if taken % (16 * MIB) < len(part):
                await trio.sleep(50)
                ahead = max(ahead, sent - taken)
        return str(taken)

    async with calling(streaming(slow)) as caller, trio.open_nursery() as nursery:

        async def upload() -> None:
            nonlocal sent
            await caller.send(head(64 * MIB if announced else None))
            for _ in range(1024):
                piece = bytes(65_536)
                await caller.send(piece if announced else b"10000\r\n" + piece + b"\r\n")
                sent += 65_536
            if not announced:
                await caller.send(b"0\r\n\r\n")

        nursery.start_soon(upload)
        assert (await caller.response(method="POST"))[::2] == (200, str(64 * MIB).encode())
    assert trio.current_time() >= 150
    assert ahead <= 65_536


async def test_nothing_is_read_before_it_is_taken(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Behind the head everything stays with its sender while the view waits for its turn."""
    turn = trio.Event()

    async def waiting(body: StreamedBody) -> str:
        await turn.wait()
        return await take_all(body)

    async with calling(streaming(waiting)) as caller, trio.open_nursery() as nursery:
        sent = trio.Event()

        async def upload() -> None:
            await caller.send(head(10))
            await caller.send(b"0123456789")
            sent.set()

        nursery.start_soon(upload)
        await trio.sleep(5)
        assert not sent.is_set()
        turn.set()
        assert (await caller.response(method="POST"))[2] == b"10"


async def test_requests_take_turns(autojump_clock: trio.testing.MockClock) -> None:
    """Where a policy says how many at once, the application isn't called for more."""
    calls = 0

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal calls
        calls += 1
        await trio.sleep(1)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    few = BodyPolicy(MIB, 10, streamed=True, at_once=2)
    rules = BodyRules(lambda _, path: few if path == "/few" else STREAMED, refusal)
    async with opened_door(app, SETTINGS, bodies=rules) as door, trio.open_nursery() as nursery:
        callers = [call(door, nursery) for _ in range(4)]
        for caller in callers[:3]:
            await caller.send(head(MIB, path="/few"))
        await callers[3].send(head(MIB, path="/many"))
        await trio.testing.wait_all_tasks_blocked()
        assert calls == 3
        for caller, seconds in zip(
            (*callers[:2], callers[3], callers[2]), (1, 1, 1, 2), strict=True
        ):
            assert (await caller.response(method="POST"))[0] == 204
            assert trio.current_time() == seconds
        nursery.cancel_scope.cancel()


async def test_the_connection_is_kept(autojump_clock: trio.testing.MockClock) -> None:
    """After a streamed body, an empty one too, comes the next request."""
    async with calling(streaming(take_all)) as caller:
        for length in (3, 0, 5):
            await caller.send(head(length) + bytes(length))
            assert (await caller.response(method="POST"))[2] == str(length).encode()


@pytest.mark.parametrize(("path", "length"), [("/st%20reamed", 64 * MIB + 1), ("/", 1001)])
async def test_what_announces_too_much(
    autojump_clock: trio.testing.MockClock, path: str, length: int
) -> None:
    """It is refused in the application's words before it is asked for, and nobody is called."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError

    async with calling(app) as caller:
        await caller.send(head(length, path=path, more="Expect: 100-continue\r\n"))
        status, headers, body = await caller.response(method="POST")
        assert (status, headers["content-type"], body) == (
            413,
            "application/json",
            refusal(length - 1),
        )
        assert await caller.ended()


async def test_who_asks_first(autojump_clock: trio.testing.MockClock) -> None:
    """A sender that waits for leave gets it."""
    async with calling(streaming(take_all)) as caller:
        await caller.send(head(3, more="Expect: 100-continue\r\n"))
        leave = bytes(await caller.stream.receive_some(100))
        assert leave.startswith(b"HTTP/1.1 100 ")
        await caller.send(b"abc")
        assert (await caller.response(method="POST"))[2] == b"3"


async def test_what_grows_too_large(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The view hears of it when the limit is passed, answers, and the connection ends."""
    monkeypatch.setattr(f"{__name__}.STREAMED", BodyPolicy(100_000, 10, streamed=True))
    async with calling(streaming(take_all)) as caller, trio.open_nursery() as nursery:
        await caller.send(head(None))
        piece = b"4000\r\n" + bytes(0x4000) + b"\r\n"
        nursery.start_soon(lambda: caller.send_until_cut(piece, every=0.01))
        assert (await caller.response(method="POST"))[2] == b"BodyTooLarge of 100000"


@pytest.mark.parametrize(("bytes_each", "cut_at"), [(0, 10), (1, 10), (65_536, None)])
async def test_progress(
    autojump_clock: trio.testing.MockClock, bytes_each: int, cut_at: float | None
) -> None:
    """A sender that stalls or trickles is given up; one that makes progress may take its time."""
    async with calling(streaming(take_all)) as caller, trio.open_nursery() as nursery:

        async def upload() -> None:
            await caller.send(head(65_536 * 10))
            for _ in range(10):
                await trio.sleep(9)
                await caller.send(bytes(bytes_each))

        nursery.start_soon(upload)
        said = (await caller.response(method="POST"))[2]
        if cut_at is None:
            assert said == b"655360"
        else:
            assert (said, trio.current_time()) == (b"BodyTooSlow", cut_at)
        nursery.cancel_scope.cancel()


async def test_a_view_that_takes_no_more(autojump_clock: trio.testing.MockClock) -> None:
    """Its answer comes while the rest is unread, and the connection ends."""

    async def enough(body: StreamedBody) -> str:
        return str(len(await body.take()))

    async with calling(streaming(enough)) as caller, trio.open_nursery() as nursery:
        await caller.send(head(MIB))
        nursery.start_soon(lambda: caller.send_until_cut(bytes(1000), every=0.01))
        _, headers, said = await caller.response(method="POST")
        assert (said, headers["connection"]) == (b"1000", "close")
        assert await caller.ended()
    assert trio.current_time() < SETTINGS.close_seconds + 1


async def test_a_view_that_hangs(autojump_clock: trio.testing.MockClock) -> None:
    """A part that nobody takes is not waited with for ever."""

    async def hang(body: StreamedBody) -> str:
        await trio.sleep_forever()

    async with calling(streaming(hang)) as caller:
        await caller.send(head(MIB) + b"x")
        assert await caller.ended()
        assert trio.current_time() == STREAMED.seconds + SETTINGS.request_seconds


@pytest.mark.parametrize(("half", "heard"), [(True, "ClientGone"), (False, "cancelled")])
async def test_a_client_that_leaves(
    autojump_clock: trio.testing.MockClock, half: bool, heard: str
) -> None:
    """The view hears of it where it takes a part; with nobody left to tell, it is cancelled."""
    said = []

    async def view(body: StreamedBody) -> str:
        try:
            said.append(await take_all(body))
        except trio.Cancelled:
            said.append("cancelled")
            raise
        return ""

    async with calling(streaming(view)) as caller:
        await caller.send(head(MIB) + b"x")
        if half:
            assert isinstance(caller.stream, trio.abc.HalfCloseableStream)
            await caller.stream.send_eof()
            assert (await caller.response(method="POST"))[0] == 400
        else:
            await caller.stream.aclose()
        await trio.testing.wait_all_tasks_blocked()
        assert said == [heard]


async def test_a_whole_body_that_is_slow(autojump_clock: trio.testing.MockClock) -> None:
    """The application has its say at the policy's seconds; if it says nothing, it is cut off."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    async with calling(app) as caller:
        await caller.send(head(1000, path="/"))
        await caller.send_until_cut(b"x", every=1)
        assert trio.current_time() <= WHOLE.seconds + SETTINGS.refusal_seconds + 1
