"""Email addresses as identities: one spelling for each, and a sane notion of validity.

Deliberately not RFC 5322: quoted local parts, comments and address literals are refused. What is
accepted can be mailed to, and two spellings that a person would call the same become equal.
"""

import unicodedata
from collections.abc import Collection
from typing import Final

__all__ = ["ADDRESS_MAX", "normalise", "refused_domain"]

# RFC 5321 with erratum 1690: 254 in all, 64 before the @, 63 for a label of the domain.
ADDRESS_MAX: Final = 254
_LOCAL_MAX: Final = 64
_LABEL_MAX: Final = 63
# Surrounding white space is forgiven, but nobody makes us normalise a novel.
_RAW_MAX: Final = 2 * ADDRESS_MAX
_REFUSED: Final = frozenset('"(),:;<>[]\\')


def normalise(text: str) -> str | None:
    """The one spelling of this address, or None where it is not one.

    Case is folded on both sides of the @: a mail host may tell them apart, people don't.
    """
    if len(text) > _RAW_MAX:
        return None
    address = _fold(text)
    # Lower-casing can bring back what NFKC had folded; such letters are in no real address.
    if _fold(address) != address or not address.isprintable():
        return None
    local, at, domain = address.rpartition("@")
    if not at or len(address) > ADDRESS_MAX:
        return None
    return address if _is_local_part(local) and _is_domain(domain) else None


def refused_domain(text: str, refused: Collection[str]) -> str | None:
    """Which of these domains an address is in, or below; None for none of them."""
    address = normalise(text) or ""
    labels = address.rpartition("@")[2].split(".")
    above = (".".join(labels[first:]) for first in range(len(labels)))
    return next((domain for domain in above if domain in refused), None)


def _fold(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).strip().lower()
    return unicodedata.normalize("NFKC", folded)


def _is_local_part(local: str) -> bool:
    return (
        0 < len(local) <= _LOCAL_MAX
        and not any(character in _REFUSED or character.isspace() for character in local)
        and "@" not in local
        and not local.startswith(".")
        and not local.endswith(".")
        and ".." not in local
    )


def _is_domain(domain: str) -> bool:
    labels = domain.split(".")
    return len(labels) > 1 and all(_is_label(label) for label in labels)


def _is_label(label: str) -> bool:
    return (
        0 < len(label) <= _LABEL_MAX
        and not label.startswith("-")
        and not label.endswith("-")
        and all(character == "-" or _is_word(character) for character in label)
    )


def _is_word(character: str) -> bool:
    """Letters, digits and the marks that letters of many scripts need."""
    return unicodedata.category(character)[0] in "LMN"
