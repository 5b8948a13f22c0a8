"""How `relayd demo` looks: labelled facts, words with their times, one live line."""

import os
import shlex
import textwrap
from importlib import resources
from typing import Final, TextIO

import attrs

from relayd.cli.toolkit.live_line import LiveLine, clock
from relayd.client.messages import Transcript
from relayd.speech.subtitles import clean

__all__ = ["Stage", "invitation"]

_LABEL_COLUMNS: Final = 10

_INVITATION: Final = """
  Still serving. Ctrl-C ends it and removes everything.

    address    {address}
    email      {email}
    password   {password}

  A recording of your own, from another terminal:

    relayd transcribe FILE --server {address} --email {email}

  A whole file, by curl, as these lines stand:

    TOKEN=$(curl -s {address}/api/v1/auth/login -H 'Content-Type: application/json' \\
      -d '{{"email":"{email}","password":"{password}"}}' | sed 's/.*"token":"\\([^"]*\\).*/\\1/')
    ID=$(curl -s {address}/api/v1/transcribe -H "Authorization: Bearer $TOKEN" \\
      -F file=@{recording} | sed 's/.*"id":"\\([^"]*\\).*/\\1/')
    curl -s {address}/api/v1/status/$ID -H "Authorization: Bearer $TOKEN"
    curl -s --retry 9 --retry-all-errors -f "{address}/api/v1/result/$ID?format=srt" \\
      -H "Authorization: Bearer $TOKEN"

  From Python:

    import trio
    from relayd import client

    SERVER = "{address}"

    async def main():
        tokens = await client.Accounts(SERVER).login("{email}", "{password}")
        config = {{"encoding": "linear16", "sample_rate": 16000}}
        async with client.open_stream(SERVER, tokens.access_token, config) as stream:
            await stream.send(bytes(32000))  # a second of silence; yours: 16 bit, mono
            await stream.stop()
            async for message in stream:
                print(message)

    trio.run(main)

"""


def invitation(address: str, email: str, password: str) -> str:
    """How to connect to a demo that goes on."""
    recording = shlex.quote(str(resources.files("relayd.demo").joinpath("recording.wav")))
    return _INVITATION.format(address=address, email=email, password=password, recording=recording)


@attrs.define(eq=False)
class Stage:
    """Standard output: bold and dim, and the live line, only where it is a terminal."""

    stream: TextIO
    live: LiveLine = attrs.field(init=False)
    _words: str = attrs.field(init=False, default="")
    _at: float = attrs.field(init=False, default=0.0)

    def __attrs_post_init__(self) -> None:
        self.live = LiveLine(self.stream)

    def title(self, name: str, text: str) -> None:
        """The first line."""
        self.write(f"\n  {self._styled('1', name)}: {text}\n\n")

    def say(self, fact: str, text: str) -> None:
        """A labelled fact."""
        self.live.clear()
        label = self._styled("2", fact.ljust(_LABEL_COLUMNS))
        indent = " " * (_LABEL_COLUMNS + 3)
        lines = textwrap.wrap(clean(text), 86) or [""]
        self.write(f"  {label} {f'{chr(10)}{indent}'.join(lines)}\n")

    def gap(self) -> None:
        """An empty line."""
        self.live.clear()
        self.write("\n")

    def heard(self, transcript: Transcript) -> None:
        """Words that stay, with the time they were said."""
        self._words = ""
        text = clean(transcript.text)
        if not text:
            return
        first, last = transcript.start, transcript.start + transcript.duration
        if transcript.words:
            first, last = transcript.words[0].start, transcript.words[-1].end
        self.live.clear()
        times = self._styled("2", f"{first:5.2f} to {last:5.2f} s")
        self.write(f"  {times}   {text}\n")

    def partial(self, text: str) -> None:
        """Words that may still change."""
        self._words = text
        self._draw()

    def listening(self, seconds: float) -> None:
        """So much audio was sent."""
        self._at = seconds
        self._draw()

    def write(self, text: str) -> None:
        """As it is."""
        self.stream.write(text)
        self.stream.flush()

    def _draw(self) -> None:
        self.live.show(f"  {clock(self._at)} …", self._words)

    def _styled(self, code: str, text: str) -> str:
        if not self.live.live or os.environ.get("NO_COLOR"):
            return text
        return f"\x1b[{code}m{text}\x1b[0m"
