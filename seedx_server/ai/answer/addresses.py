"""Finds web addresses in a text and compares them: pure."""

import re
from collections.abc import Iterable

# The length of a scheme is bounded, so that a text without addresses takes linear time.
_ADDRESS = re.compile(
    r"""(?:[A-Za-z][A-Za-z0-9+.\-]{0,30}://|[Ww]{3}\.)[^\s<>"`|\\^{}\[\]\u0080-\U0010ffff]*"""
)
_PUNCTUATION = ".,;:!?'*_~"


def addresses(texts: Iterable[str]) -> frozenset[str]:
    """Return the addresses in the texts, each in the form that `comparable` returns."""
    return frozenset(
        comparable(found.group()) for text in texts for found in _ADDRESS.finditer(text)
    )


def without_punctuation(address: str) -> str:
    """Return the address without the punctuation of the sentence around it.

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
    """Return a form that is equal for addresses with no meaningful difference."""
    return without_punctuation(address).rstrip("/")
