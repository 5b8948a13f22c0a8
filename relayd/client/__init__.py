"""The streaming client: live audio to a relayd server, words back. Made to be embedded.

It imports nothing of the daemon, needs Trio, attrs and trio-websocket, and raises only the
errors of `relayd.client.errors`.

    open_stream, Stream, Ending        a live session
    Ready, Transcript, Error, …        what the server says
    Accounts, Tokens, Profile          signing in over HTTP
    Pace                               recorded audio at the pace it was spoken
    FORMATS                            transcripts as text, JSON lines, SubRip
    ClientError, ConnectError, …       what can go wrong

A whole session, with audio from anywhere that gives 16 kHz, 16 bit, mono PCM:

    import trio

    from relayd import client


    async def dictate(server_url: str, token: str, chunks: list[bytes]) -> list[str]:
        said = []
        config = {"encoding": "linear16", "sample_rate": 16_000, "language": "en-US"}
        async with client.open_stream(server_url, token, config) as stream:

            async def speak() -> None:
                pace = client.Pace(bytes_per_second=32_000)
                for chunk in chunks:
                    await pace.wait(len(chunk))
                    if not await stream.send(chunk):
                        break
                await stream.stop()

            async with trio.open_nursery() as nursery:
                nursery.start_soon(speak)
                async for message in stream:
                    if isinstance(message, client.Transcript) and message.is_final:
                        said.append(message.text)
        print(stream.ending.reason, stream.ending.seconds_used)
        return said
"""

from relayd.client.accounts import Accounts, Profile, Tokens
from relayd.client.errors import (
    AudioError,
    ClientError,
    ConnectError,
    DisconnectedError,
    RefusedError,
    RequestError,
)
from relayd.client.link import Deadlines
from relayd.client.messages import (
    CreditsLow,
    Error,
    Message,
    Ready,
    SessionEnd,
    SpeechStarted,
    Transcript,
    Unknown,
    UtteranceEnd,
    Word,
)
from relayd.client.pacing import Pace
from relayd.client.session import Ending, Stream, open_stream
from relayd.client.subtitles import FORMATS
from relayd.client.transport import Address

__all__ = [
    "FORMATS",
    "Accounts",
    "Address",
    "AudioError",
    "ClientError",
    "ConnectError",
    "CreditsLow",
    "Deadlines",
    "DisconnectedError",
    "Ending",
    "Error",
    "Message",
    "Pace",
    "Profile",
    "Ready",
    "RefusedError",
    "RequestError",
    "SessionEnd",
    "SpeechStarted",
    "Stream",
    "Tokens",
    "Transcript",
    "Unknown",
    "UtteranceEnd",
    "Word",
    "open_stream",
]
