"""Turns a question in everyday words into the concepts to search for: pure."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files

import snowballstemmer  # type: ignore[import-untyped]  # ships no type information

from seedx_server.knowledge.core import LONGEST_SEARCH

MOST_CONCEPTS = 32
LONGEST_PHRASE = 4
LONGEST_WORD = 64
SHORTEST_CORRECTED = 5
SAME_WORD = 0.85
"""The similarity from which an unknown word is taken for a misspelled synonym."""

_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Concept:
    """A concept that a question mentions.

    Attributes:
        words: The question's words for it, in lower case.
        synonyms: Other words for it that articles may use.
    """

    words: str
    synonyms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Thesaurus:
    """The synonyms of each phrase, by its stems, and the stem of each word, by first letter."""

    synonyms: Mapping[str, tuple[str, ...]]
    words: Mapping[str, Mapping[str, str]]


def concepts_of(question: str) -> list[Concept]:
    """Return the concepts that a question mentions, each once, in the question's order.

    Filler words are left out. At most `MOST_CONCEPTS` are returned,
    from the first `LONGEST_SEARCH` characters.
    """
    words = _WORD.findall(question[:LONGEST_SEARCH].lower())
    short = [word for word in words if len(word) <= LONGEST_WORD]
    found: dict[str, Concept] = {}
    for stems, phrase in _phrases(short):
        if phrase not in _filler() and len(phrase) > 1:
            found.setdefault(stems, Concept(phrase, _thesaurus().synonyms.get(stems, ())))
    return list(found.values())[:MOST_CONCEPTS]


def _phrases(words: list[str]) -> Iterator[tuple[str, str]]:
    """Yield stems and words, joined where several words are one entry of the thesaurus."""
    stems = [_corrected(word, stem) for word, stem in zip(words, _stemmed(words), strict=True)]
    begin = 0
    while begin < len(words):
        ends = range(min(begin + LONGEST_PHRASE, len(words)), begin, -1)
        known = (end for end in ends if " ".join(stems[begin:end]) in _thesaurus().synonyms)
        end = next(known, begin + 1)
        yield " ".join(stems[begin:end]), " ".join(words[begin:end])
        begin = end


def _corrected(word: str, stem: str) -> str:
    known = _thesaurus().words.get(word[0], {})
    if len(word) < SHORTEST_CORRECTED or word in _filler() or stem in known.values():
        return stem
    alike = get_close_matches(word, known, 1, SAME_WORD)
    return known[alike[0]] if alike else stem


def _stemmed(words: Iterable[str]) -> list[str]:
    return list(snowballstemmer.stemmer("english").stemWords(list(words)))


@cache
def _thesaurus() -> _Thesaurus:
    synonyms: dict[str, dict[str, None]] = {}
    words: dict[str, dict[str, str]] = {}
    for line in _lines_of("synonyms.txt"):
        group = [" ".join(_WORD.findall(phrase.lower())) for phrase in line.split(",")]
        for phrase in group:
            stems = _stemmed(phrase.split())
            synonyms.setdefault(" ".join(stems), {}).update(dict.fromkeys(group))
            for word, stem in zip(phrase.split(), stems, strict=True):
                words.setdefault(word[0], {})[word] = stem
    return _Thesaurus({stems: tuple(group) for stems, group in synonyms.items()}, words)


@cache
def _filler() -> frozenset[str]:
    return frozenset(word for line in _lines_of("filler.txt") for word in line.split())


def _lines_of(name: str) -> list[str]:
    text = (files("seedx_server.knowledge") / name).read_text("utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]
