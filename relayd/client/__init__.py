"""The client: sound to a relayd server, words back. Made to be embedded.

It imports nothing of the daemon and raises only the errors of `relayd.client.errors`. Each name
is loaded when it is first used, so that an app's start doesn't wait for it.

    RemoteTranscriptionEngine          live words for apps of threads: start, send_audio, stop
    stream                             the same for Trio and asyncio
    Settings, devices                  what they are told: where words come from, which microphone

    open_stream, Stream, Ending        a live session by itself, for programs of Trio
    open_resuming_stream               the same, going on where a connection breaks
    Resumption, KeptAudio              what that takes, without I/O, for who has a loop of their own
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

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from relayd.client.accounts import Accounts, Profile, Tokens
    from relayd.client.deepgram import DeepgramStream, open_deepgram
    from relayd.client.errors import (
        AudioError,
        ClientError,
        ConnectError,
        DisconnectedError,
        RefusedError,
        RequestError,
    )
    from relayd.client.kept import KeptAudio
    from relayd.client.link import Deadlines
    from relayd.client.live.engine import RemoteTranscriptionEngine
    from relayd.client.live.microphone import Device, devices
    from relayd.client.live.news import Balance, Problem, Standing, State
    from relayd.client.live.settings import Mode, Settings, SettingsError
    from relayd.client.live.sound import SoundError
    from relayd.client.live.vault import MemoryVault, SystemVault, Vault, VaultError, move_secrets
    from relayd.client.live.words import Words, stream
    from relayd.client.messages import (
        CreditsLow,
        Error,
        Interrupted,
        Lost,
        Message,
        Ready,
        Resumed,
        SessionEnd,
        SpeechStarted,
        Transcript,
        Unknown,
        UtteranceEnd,
        Word,
    )
    from relayd.client.pacing import Pace
    from relayd.client.resuming import Patience, ResumingStream, open_resuming_stream
    from relayd.client.resumption import Resumption
    from relayd.client.session import Ending, Stream, open_stream
    from relayd.client.subtitles import FORMATS
    from relayd.client.transport import Address

__all__ = [
    "FORMATS",
    "Accounts",
    "Address",
    "AudioError",
    "Balance",
    "ClientError",
    "ConnectError",
    "CreditsLow",
    "Deadlines",
    "DeepgramStream",
    "Device",
    "DisconnectedError",
    "Ending",
    "Error",
    "Interrupted",
    "KeptAudio",
    "Lost",
    "MemoryVault",
    "Message",
    "Mode",
    "Pace",
    "Patience",
    "Problem",
    "Profile",
    "Ready",
    "RefusedError",
    "RemoteTranscriptionEngine",
    "RequestError",
    "Resumed",
    "ResumingStream",
    "Resumption",
    "SessionEnd",
    "Settings",
    "SettingsError",
    "SoundError",
    "SpeechStarted",
    "Standing",
    "State",
    "Stream",
    "SystemVault",
    "Tokens",
    "Transcript",
    "Unknown",
    "UtteranceEnd",
    "Vault",
    "VaultError",
    "Word",
    "Words",
    "devices",
    "move_secrets",
    "open_deepgram",
    "open_resuming_stream",
    "open_stream",
    "stream",
]

# Where each name is; those of `TYPE_CHECKING` above, for who runs it.
_HOMES: Final = {
    "accounts": ("Accounts", "Profile", "Tokens"),
    "deepgram": ("DeepgramStream", "open_deepgram"),
    "errors": (
        "AudioError",
        "ClientError",
        "ConnectError",
        "DisconnectedError",
        "RefusedError",
        "RequestError",
    ),
    "kept": ("KeptAudio",),
    "link": ("Deadlines",),
    "live.engine": ("RemoteTranscriptionEngine",),
    "live.microphone": ("Device", "devices"),
    "live.news": ("Balance", "Problem", "Standing", "State"),
    "live.settings": ("Mode", "Settings", "SettingsError"),
    "live.sound": ("SoundError",),
    "live.vault": ("MemoryVault", "SystemVault", "Vault", "VaultError", "move_secrets"),
    "live.words": ("Words", "stream"),
    "messages": (
        "CreditsLow",
        "Error",
        "Interrupted",
        "Lost",
        "Message",
        "Ready",
        "Resumed",
        "SessionEnd",
        "SpeechStarted",
        "Transcript",
        "Unknown",
        "UtteranceEnd",
        "Word",
    ),
    "pacing": ("Pace",),
    "resuming": ("Patience", "ResumingStream", "open_resuming_stream"),
    "resumption": ("Resumption",),
    "session": ("Ending", "Stream", "open_stream"),
    "subtitles": ("FORMATS",),
    "transport": ("Address",),
}
_HOME_OF: Final = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return __all__
