"""What a model writes, made fit for a customer's eyes, piece by piece as it comes.

Reasoning is dropped: what stands between `<think>` and `</think>`, in any case and under the
names that models use, to the end where it is never closed. A closing tag without an opening
one means that all text before it was reasoning; that text is then void. Links and citations
are filtered as `markdown_filter` says. Some servers cut a character of two UTF-16 units in
two; those halves are joined. The result does not depend on the borders of the
pieces.
"""

import re
from collections.abc import Collection, Sequence

from seedx_server.ai.answer.markdown_filter import MarkdownFilter, addresses
from seedx_server.ai.providers.protocol import Passage

_TAG = re.compile(
    r"<\s{0,2}(/?)\s{0,2}(?:think|thinking|thoughts?|reasoning)\s{0,2}>", re.IGNORECASE
)
_HALF_A_CHARACTER = re.compile(r"[\ud800-\udbff]\Z")
_TAG_BEGUN = re.compile(r"<\s{0,2}/?\s{0,2}[a-z]{0,9}\s{0,2}\Z", re.IGNORECASE)


class AnswerFilter:
    """Filters one answer.

    Args:
        passages: What the answer may cite, and whose links it may repeat.
        allowed_urls: Further addresses that it may name.
    """

    def __init__(self, passages: Sequence[Passage], allowed_urls: Collection[str] = ()) -> None:
        self._numbers = frozenset(passage.number for passage in passages)
        self._allowed = addresses([*(passage.text for passage in passages), *allowed_urls])
        self._characters = _CharacterFilter()
        self._reasoning = _ReasoningFilter()
        self._markdown = MarkdownFilter(self._numbers, self._allowed)
        self._begun = False
        self._void = False

    @property
    def cited(self) -> list[int]:
        """The numbers of the passages cited so far, in order of first use."""
        return list(self._markdown.cited)

    def feed(self, text: str) -> str:
        """Take the next piece and return what of the answer is now certain."""
        kept = self._reasoning.feed(self._characters.feed(text))
        if self._reasoning.take_void():
            self._void = True
            self._begun = False
            self._markdown = MarkdownFilter(self._numbers, self._allowed)
        return self._trim(self._markdown.feed(kept))

    def finish(self) -> str:
        """Return what was held back; nothing may be fed after it."""
        kept = self._reasoning.feed(self._characters.finish()) + self._reasoning.finish()
        return self._trim(self._markdown.feed(kept) + self._markdown.finish())

    def take_void(self) -> bool:
        """Say, once, whether all text returned before the last `feed` has become void."""
        void, self._void = self._void, False
        return void

    def _trim(self, text: str) -> str:
        """Drop the white space before the answer's first character."""
        if self._begun:
            return text
        text = text.lstrip()
        self._begun = bool(text)
        return text


class _CharacterFilter:
    """Joins characters that were cut in two, and takes out what no database keeps."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, text: str) -> str:
        text = self._held + text
        end = len(text) - bool(_HALF_A_CHARACTER.search(text))
        self._held = text[end:]
        return _whole(text[:end])

    def finish(self) -> str:
        return _whole(self._held)


def _whole(text: str) -> str:
    pairs = text.replace("\x00", "").encode("utf-16-le", "surrogatepass")
    return pairs.decode("utf-16-le", "replace")


class _ReasoningFilter:
    """Drops the model's thoughts."""

    def __init__(self) -> None:
        self._held = ""
        self._thinking = False
        self._void = False

    def feed(self, text: str) -> str:
        text = self._held + text
        kept: list[str] = []
        position = 0
        for tag in _TAG.finditer(text):
            closing = bool(tag.group(1))
            if not self._thinking and closing:
                kept.clear()
                self._void = True
            elif not self._thinking:
                kept.append(text[position : tag.start()])
            self._thinking = not closing
            position = tag.end()
        begun = _TAG_BEGUN.search(text, position)
        end = begun.start() if begun else len(text)
        self._held = text[end:]
        if not self._thinking:
            kept.append(text[position:end])
        return "".join(kept)

    def finish(self) -> str:
        return "" if self._thinking else self._held

    def take_void(self) -> bool:
        void, self._void = self._void, False
        return void
