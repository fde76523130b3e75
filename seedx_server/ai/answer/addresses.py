"""Addresses in a text, and which of them are the same: pure."""

import re
from collections.abc import Iterable

# The length of a scheme is bounded, so that a text without any is read in linear time.
_ADDRESS = re.compile(
    r"""(?:[A-Za-z][A-Za-z0-9+.\-]{0,30}://|[Ww]{3}\.)[^\s<>"`|\\^{}\[\]\u0080-\U0010ffff]*"""
)
_PUNCTUATION = ".,;:!?'*_~"


def addresses(texts: Iterable[str]) -> frozenset[str]:
    """Return the addresses that stand in the texts, each as `comparable` gives it."""
    return frozenset(
        comparable(found.group()) for text in texts for found in _ADDRESS.finditer(text)
    )


def without_punctuation(address: str) -> str:
    """Return the address without the punctuation of the sentence that it stands in.

    A closing parenthesis belongs to the address if it was opened there.
    """
    end = len(address)
    unopened = address.count(")") - address.count("(")
    while end:
        if address[end - 1] == ")" and unopened > 0:
            unopened -= 1
        elif address[end - 1] not in _PUNCTUATION:
            break
        end -= 1
    return address[:end]


def comparable(address: str) -> str:
    """Return what is the same for addresses that differ in nothing that matters."""
    return without_punctuation(address).rstrip("/")
