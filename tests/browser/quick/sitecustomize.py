"""Every Python that these tests start imports this: a password is hashed in a millisecond.

A fifth of a second for each account and each sign-in would be most of what the daemons do.
"""

import bcrypt

COST = 4
_gensalt = bcrypt.gensalt


def _quick(rounds: int = COST, prefix: bytes = b"2b") -> bytes:
    return _gensalt(min(rounds, COST), prefix)


bcrypt.gensalt = _quick
