"""Filters a model's text while it streams, so that it is fit for customers.

- Characters: line ends become line feeds, NUL is removed, and the two halves of a character that
  some servers split are joined.
- Reasoning: text between `<think>` and `</think>` is dropped, in upper or lower case and under all
  the names that models use; without a closing tag, to the end. A closing tag without an opening
  one means that all text before it was reasoning; that text is then discarded.
- Links and citations: see `markdown_filter`.

The result does not depend on how the text is cut into pieces.
"""

import re
from collections.abc import Sequence

from seedx_server.ai.answer.addresses import addresses
from seedx_server.ai.answer.markdown_filter import MarkdownFilter
from seedx_server.ai.providers.protocol import Passage

_HALF = re.compile(r"[\ud800-\udbff\r]\Z")
"""Half a character or half a line end, which the next character may complete."""
_LINE_END = re.compile(r"\r\n?")
_TAG = re.compile(
    r"<\s{0,2}(/?)\s{0,2}(?:think|thinking|thoughts?|reasoning)\s{0,2}>", re.IGNORECASE
)
_TAG_BEGUN = re.compile(
    r"<\s{0,2}/?\s{0,2}(?:t|th|thi|thin|think|thinki|thinkin|thinking|tho|thou|thoug|though"
    r"|thought|thoughts|r|re|rea|reas|reaso|reason|reasoni|reasonin|reasoning)?\s{0,2}\Z",
    re.IGNORECASE,
)


class AnswerFilter:
    """Filters one answer.

    Args:
        passages: The passages that the answer may cite, and whose links it may repeat.
    """

    def __init__(self, passages: Sequence[Passage]) -> None:
        self._numbers = frozenset(passage.number for passage in passages)
        self._allowed = addresses(passage.text for passage in passages)
        self._characters = _CharacterFilter()
        self._reasoning = _ReasoningFilter()
        self._markdown = MarkdownFilter(self._numbers, self._allowed)
        self._discarded = False

    @property
    def cited(self) -> list[int]:
        """The numbers of the passages cited so far, in order of first use."""
        return list(self._markdown.cited)

    def feed(self, text: str) -> str:
        """Process the next piece and return the part of the answer that is now certain."""
        kept = self._reasoning.feed(self._characters.feed(text))
        if self._reasoning.take_discarded():
            self._discarded = True
            self._markdown = MarkdownFilter(self._numbers, self._allowed)
        return self._markdown.feed(kept)

    def finish(self) -> str:
        """Return the text that was held back; `feed` must not be called again."""
        kept = self._reasoning.feed(self._characters.finish()) + self._reasoning.finish()
        return self._markdown.feed(kept) + self._markdown.finish()

    def take_discarded(self) -> bool:
        """Return, once, whether all text returned before the last `feed` is discarded."""
        discarded, self._discarded = self._discarded, False
        return discarded


class _CharacterFilter:
    """Completes characters and line ends that were cut in two."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, text: str) -> str:
        text = self._held + text
        end = len(text) - bool(_HALF.search(text))
        self._held = text[end:]
        return _repaired(text[:end])

    def finish(self) -> str:
        return _repaired(self._held)


def _repaired(text: str) -> str:
    pairs = text.replace("\x00", "").encode("utf-16-le", "surrogatepass")
    return _LINE_END.sub("\n", pairs.decode("utf-16-le", "replace"))


class _ReasoningFilter:
    """Drops the model's reasoning."""

    def __init__(self) -> None:
        self._held = ""
        self._thinking = False
        self._discarded = False

    def feed(self, text: str) -> str:
        text = self._held + text
        kept: list[str] = []
        position = 0
        for tag in _TAG.finditer(text):
            closing = bool(tag.group(1))
            if not self._thinking and closing:
                kept.clear()
                self._discarded = True
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

    def take_discarded(self) -> bool:
        discarded, self._discarded = self._discarded, False
        return discarded
