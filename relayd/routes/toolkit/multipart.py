"""Forms with a file (RFC 7578), taken as they come: the file to the spool, never whole in memory.

A part is parsed as soon as it is there, and while the disk is slow its sender waits.
"""

import re
from typing import Final, NoReturn

import attrs
from quart import request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.sansio.multipart import (
    Data,
    Epilogue,
    Event,
    Field,
    File,
    MultipartDecoder,
    NeedData,
)

from relayd.errors import StorageFull
from relayd.routes.toolkit.problems import Problem, Refusal
from relayd.routes.toolkit.streamed import take_part
from relayd.storage.spool import SpoolFile

__all__ = [
    "DISK_FULL",
    "MALFORMED_FORM",
    "MultipartForm",
    "boundary_of_request",
    "file_too_large",
]

MALFORMED_FORM: Final = Refusal(400, "malformed_form", "The body is not a form with a file.")
FILE_TOO_LARGE: Final = Refusal(413, "file_too_large", "The file is larger than may be sent here.")
DISK_FULL: Final = Refusal(
    507, "storage_full", "There is no room for more files at the moment. Try again later."
)

# What waits to be parsed: a part of the body, and less than that of what came before.
_BUFFER_BYTES: Final = 256 * 1024
_FED_BYTES: Final = 64 * 1024
# Of all fields that are no file, and how many parts a form has at most.
_FIELDS_BYTES: Final = 64 * 1024
_PARTS: Final = 32
# RFC 2046, section 5.1.1.
_BOUNDARY: Final = re.compile(r"[0-9A-Za-z'()+_,\-./:=? ]{1,70}")


def boundary_of_request() -> bytes:
    """What stands between the parts of this request's body, which says that it is such a form."""
    boundary = request.mimetype_params.get("boundary", "")
    if not _BOUNDARY.fullmatch(boundary):
        raise MALFORMED_FORM.problem("Content-Type names no boundary: let the client set it.")
    return boundary.encode()


def file_too_large(bytes_max: int) -> Problem:
    """The refusal of a file beyond this."""
    return FILE_TOO_LARGE.problem(f"A file may have {bytes_max:,} bytes here.")


@attrs.define(eq=False)
class MultipartForm:
    """The form of the running request; its file goes to ``spooled``.

    ``fields`` has those that came before the file as soon as `begin` returns, all after `finish`.
    """

    spooled: SpoolFile
    bytes_max: int
    _decoder: MultipartDecoder
    fields: dict[str, str] = attrs.field(factory=dict)
    # As its sender calls it; None until it has begun.
    filename: str | None = None
    _fields_bytes: int = 0
    _field: str | None = None
    _text: bytearray = attrs.field(factory=bytearray)
    _in_file: bool = False
    _over: bool = False
    # Of what came: what the decoder has no room for, what it must not have yet, the last it had.
    _waiting: bytes = b""
    _held: bytes = b""
    _tail: bytes = b""

    @classmethod
    def of_request(cls, spooled: SpoolFile, bytes_max: int) -> "MultipartForm":
        """That of the running request."""
        decoder = MultipartDecoder(boundary_of_request(), _BUFFER_BYTES, max_parts=_PARTS)
        return cls(spooled, bytes_max, decoder)

    async def begin(self) -> None:
        """Take what comes before the file, so that its fields can be judged before it is taken."""
        while self.filename is None and not self._over:
            await self._step()

    async def finish(self) -> None:
        """Take all the rest."""
        while not self._over:
            await self._step()
        await self.spooled.finish()

    async def _step(self) -> None:
        """Work off one event."""
        event = self._next()
        if isinstance(event, NeedData):
            # Under another server than relayd's own a part may be of any size.
            part = self._waiting or await take_part()
            self._feed(part[:_FED_BYTES])
            self._waiting = part[_FED_BYTES:]
        elif isinstance(event, Field | File):
            self._begin_part(event)
        elif isinstance(event, Data):
            await self._take(event)
        elif isinstance(event, Epilogue):
            self._over = True

    def _next(self) -> Event:
        try:
            return self._decoder.next_event()
        except RequestEntityTooLarge:
            raise MALFORMED_FORM.problem(f"A form has {_PARTS} parts at most.") from None
        except ValueError:
            # Also text that is not UTF-8.
            self._refuse()

    def _feed(self, part: bytes) -> None:
        """Hand on what came, but never half of the two dashes behind the last boundary.

        werkzeug's decoder (3.1.9) takes the line break before such a half for a part's content.
        """
        half = b"--" + self._decoder.boundary + b"-"
        came = self._held + part
        self._held = b"-" if part and (self._tail + came).endswith(half) else b""
        came = came.removesuffix(self._held)
        self._tail = (self._tail + came)[-len(half) :]
        try:
            if came:
                self._decoder.receive_data(came)
            if not part:
                self._decoder.receive_data(None)
        except RequestEntityTooLarge:
            self._refuse()

    def _begin_part(self, event: Field | File) -> None:
        if not event.name:
            raise MALFORMED_FORM.problem("A part of the form has no name.")
        self._in_file = isinstance(event, File) and event.name == "file"
        if self._in_file:
            if self.filename is not None:
                raise MALFORMED_FORM.problem("One file at a time: the form has two.")
            assert isinstance(event, File)
            self.filename = event.filename
            return
        if event.name == "file":
            raise MALFORMED_FORM.problem("The part file has no filename: send it as a file.")
        if event.name in self.fields:
            raise MALFORMED_FORM.problem(f"The field {_shown(event.name)} stands there twice.")
        self._field = event.name
        self._text.clear()

    async def _take(self, event: Data) -> None:
        if self._in_file:
            if self.spooled.taken_bytes + len(event.data) > self.bytes_max:
                raise file_too_large(self.bytes_max)
            try:
                await self.spooled.write(event.data)
            except StorageFull:
                raise DISK_FULL.problem() from None
            return
        assert self._field is not None
        self._fields_bytes += len(event.data)
        if self._fields_bytes > _FIELDS_BYTES:
            raise MALFORMED_FORM.problem(f"The fields have more than {_FIELDS_BYTES:,} bytes.")
        self._text += event.data
        if not event.more_data:
            try:
                self.fields[self._field] = self._text.decode()
            except UnicodeDecodeError:
                raise MALFORMED_FORM.problem(
                    f"The field {_shown(self._field)} is not text in UTF-8."
                ) from None

    def _refuse(self) -> NoReturn:
        raise MALFORMED_FORM.problem() from None


def _shown(name: str) -> str:
    """A client's own word, short and harmless."""
    return "".join(one if one.isprintable() else "?" for one in name[:40])
