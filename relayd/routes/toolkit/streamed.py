"""Bodies of routes whose policy is streamed: taken part by part, or gathered by a view's leave.

On relayd's own edge nothing is read ahead of who takes it. Under another ASGI server the same
routes work, with what that server and Quart read ahead.
"""

import trio
from quart import request

from relayd.edge.body import BodyTooLarge, BodyTooSlow, StreamedBody
from relayd.errors import ClientGone
from relayd.routes.toolkit.problems import BODY_TIMEOUT, body_too_large

__all__ = ["gather", "take_part"]


async def take_part() -> bytes:
    """The next part of the request's body; empty at its end. Refuses what its policy doesn't take.

    Who sends it waits until the view takes more.
    """
    body = request.scope.get("extensions", {}).get("relayd.body")
    if not isinstance(body, StreamedBody):
        return await anext(request.body, b"")
    try:
        return await body.take()
    except BodyTooLarge as fault:
        raise body_too_large(fault.bytes_max) from None
    except BodyTooSlow:
        raise BODY_TIMEOUT.problem() from None
    except ClientGone:
        # Quart hears of it in the same moment, and cancels the view.
        await trio.sleep_forever()


async def gather(seconds: float, bytes_max: int | None = None) -> bytes:
    """All of it, within this time; what a view does after it has judged the head.

    ``bytes_max``: where the policy takes more than this view does.
    """
    gathered = bytearray()
    try:
        with trio.fail_after(seconds):
            while part := await take_part():
                gathered += part
                if bytes_max is not None and len(gathered) > bytes_max:
                    raise body_too_large(bytes_max)
    except trio.TooSlowError:
        raise BODY_TIMEOUT.problem() from None
    return bytes(gathered)
