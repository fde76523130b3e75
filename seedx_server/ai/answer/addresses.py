"""Addresses in a text, and which of them are the same: pure."""

import re
from collections.abc import Iterable

_ADDRESS = re.compile(
    r"""(?:[A-Za-z][A-Za-z0-9+.\-]*://|[Ww]{3}\.)[^\s<>"`|\\^{}\[\]\u0080-\U0010ffff]*"""
)


def addresses(texts: Iterable[str]) -> frozenset[str]:
    """Return the addresses that stand in the texts, each as `comparable` gives it."""
    return frozenset(
        comparable(found.group()) for text in texts for found in _ADDRESS.finditer(text)
    )


def without_punctuation(address: str) -> str:
    """Return the address without the punctuation of the sentence that it stands in."""
    while address.endswith((".", ",", ";", ":", "!", "?", "'", "*", "_", "~")) or (
        address.endswith(")") and address.count(")") > address.count("(")
    ):
        address = address[:-1]
    return address


def comparable(address: str) -> str:
    """Return what is the same for addresses that differ in nothing that matters."""
    return without_punctuation(address).rstrip("/")
