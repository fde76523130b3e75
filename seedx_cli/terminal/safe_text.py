r"""Makes untrusted text safe for a terminal: nothing in it can move the cursor or hide.

Text from another person, the AI or a server may contain escape sequences, bidirectional controls
and characters that cannot be seen. They are shown as visible escapes such as ``\x1b`` and
``\u202e``. The attacks are terminal escape injection (CWE-150), "Trojan Source"
(CVE-2021-42574) and text smuggled in tag characters.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NewType

if TYPE_CHECKING:
    from rich.segment import Segment
    from rich.style import Style

SafeText = NewType("SafeText", str)
"""Text with no control characters except newline and tab, as the functions here return it."""

# No living script puts more than four marks on a letter; a taller stack covers other rows.
MARKS_PER_LETTER = 4

_ESCAPED = (
    *range(0x09),
    *range(0x0B, 0x20),
    *range(0x7F, 0xA0),
    0x061C,  # Arabic letter mark
    0x200D,  # zero-width joiner; allowed inside emoji
    *range(0x200E, 0x2010),  # left-to-right and right-to-left marks
    *range(0x2028, 0x202F),  # line and paragraph separators, bidirectional embeddings
    *range(0x2066, 0x2070),  # bidirectional isolates, deprecated format characters
    *range(0xD800, 0xE000),  # surrogates without a partner
    *range(0xFFF9, 0xFFFC),  # interlinear annotations
    *range(0xE0000, 0xE0080),  # tag characters
)
_JOINER = "\u200d"
_VARIATION = "\ufe0f"
_EMOJI = "[\u2190-\u21ff\u2300-\u23ff\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff]"
_IS_EMOJI = re.compile(_EMOJI)
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_UNDECIDED = re.compile(f"(?:\r|{_JOINER}|{_JOINER}?[\ud800-\udbff])\\Z")
_PIECES = re.compile(
    rf"(?P<plain>[\n\t\x20-\x7e\xa1-\xac\xae-\u02ff]+)|(?P<joiner>{_JOINER}(?={_EMOJI}))|.",
    re.DOTALL,
)
_BREAKS = str.maketrans("\n\t", "  ")
# RFC 3986 allows no other characters, so no address can end an OSC 8 sequence early.
_LINK = re.compile(r"(?:https?://|mailto:)[\w\-.~:/?#\[\]@!$&'()*+,;=%]+", re.ASCII | re.IGNORECASE)


class SafeStream:
    """Makes text that comes in pieces safe; where it is cut makes no difference."""

    def __init__(self) -> None:
        self._held = ""
        self._marks = 0
        self._after_emoji = False

    def feed(self, chunk: str) -> SafeText:
        """Make a further piece safe.

        Args:
            chunk: Untrusted text; may end within a line break, a surrogate pair or an emoji.

        Returns:
            The text so far, except up to two characters that are held back for the next call.
        """
        text = self._held + chunk
        undecided = _UNDECIDED.search(text)
        self._held = undecided.group() if undecided else ""
        return self._clean(text[: len(text) - len(self._held)])

    def finish(self) -> SafeText:
        """Return what was held back, once the text is complete."""
        held, self._held = self._held, ""
        return self._clean(held)

    def _clean(self, text: str) -> SafeText:
        text = _PAIR.sub(_joined, text.replace("\r\n", "\n"))
        return SafeText("".join(map(self._piece, _PIECES.finditer(text))))

    def _piece(self, match: re.Match[str]) -> str:
        piece = match.group()
        if match.lastgroup == "plain":
            self._marks, self._after_emoji = 0, False
            return piece
        if match.lastgroup == "joiner" and self._after_emoji:
            return piece
        return self._character(piece)

    def _character(self, character: str) -> str:
        if character in _ESCAPES:
            self._marks, self._after_emoji = 0, False
            return _ESCAPES[character]
        category = unicodedata.category(character)
        if category in {"Mn", "Me"}:
            self._marks += 1
            self._after_emoji &= character == _VARIATION
            return character if self._marks <= MARKS_PER_LETTER else ""
        # A format character has no width: marks after it belong to the same letter.
        if category != "Cf":
            self._marks = 0
        self._after_emoji = bool(_IS_EMOJI.match(character))
        return character


def safe(text: str) -> SafeText:
    r"""Make text safe to show.

    ``\r\n`` becomes a newline. Control, bidirectional, separator and tag characters, lone
    surrogates and joiners outside emoji become visible escapes. Of the marks on one letter, the
    first `MARKS_PER_LETTER` are kept. Applying it twice changes nothing more.

    Args:
        text: Untrusted text.

    Returns:
        The text, with no control characters except newline and tab.
    """
    stream = SafeStream()
    return SafeText(stream.feed(text) + stream.finish())


def safe_line(text: str) -> SafeText:
    """Make a title, a name, a tag or a file name safe to show within one line.

    Args:
        text: Untrusted text.

    Returns:
        As `safe`, with spaces for newlines and tabs, so that it cannot forge a row of a table.
    """
    return SafeText(safe(text).translate(_BREAKS))


def safe_link(url: str) -> SafeText | None:
    """Return an address that a terminal may open (OSC 8).

    Args:
        url: Untrusted address.

    Returns:
        The address, or None if it is not a plain http, https or mailto address.
    """
    return SafeText(url) if _LINK.fullmatch(url) and link_target(url) else None


def link_target(url: str) -> str:
    """Return where an address leads.

    Args:
        url: An http, https or mailto address.

    Returns:
        Host and port, without a user name before them, or the mail address; empty if there is
        none.
    """
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return safe_line(parts.netloc.rpartition("@")[2] or parts.path)


def safe_segments(segments: Iterable[Segment]) -> Iterator[Segment]:
    """Make rendered Rich segments safe: Markdown decodes ``&#x202e;`` after its source was cleaned.

    Args:
        segments: What Rich rendered; its own control segments pass.

    Yields:
        The segments with safe text, and with links to http, https and mailto only.
    """
    from rich.segment import Segment

    for segment in segments:
        if segment.control:
            yield segment
        else:
            yield Segment(safe(segment.text), _without_bad_link(segment.style))


def _without_bad_link(style: Style | None) -> Style | None:
    if style is None or style.link is None or safe_link(style.link):
        return style
    return style.update_link(None)


def _joined(pair: re.Match[str]) -> str:
    return pair.group().encode("utf-16-le", "surrogatepass").decode("utf-16-le")


_ESCAPES = {chr(code): chr(code).encode("unicode_escape").decode("ascii") for code in _ESCAPED}
