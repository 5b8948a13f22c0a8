"""What an app may have missed: its last results, numbered, until it says that it has them."""

from collections import deque

import attrs

from relayd.session.dialect import Texts

__all__ = ["Tail"]


@attrs.define(eq=False)
class Tail:
    """Results in the words in which they were said, from 1 on.

    Bounded: beyond ``most`` the oldest is forgotten, and `since` says so. So an app that never
    acknowledges costs no more, and is never told half of what it missed.
    """

    most: int
    # Of the last one.
    number: int = 0
    # Those before it are not here any more: acknowledged, or too many.
    _first: int = 1
    _kept: deque[Texts] = attrs.field(factory=deque)

    def keep(self, texts: Texts) -> None:
        """Keep one more; its number is the next."""
        self.number += 1
        self._kept.append(texts)
        if len(self._kept) > self.most:
            self._forget()

    def acknowledge(self, number: int) -> None:
        """The app has them up to this one. A number that was never given means the last one."""
        while self._kept and self._first <= number:
            self._forget()

    def since(self, number: int) -> tuple[Texts, ...] | None:
        """What came after this one; None where part of it is not here any more, or never was."""
        if not self._first - 1 <= number <= self.number:
            return None
        return tuple(self._kept)[number + 1 - self._first :]

    def _forget(self) -> None:
        self._kept.popleft()
        self._first += 1
