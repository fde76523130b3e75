"""Links and citations in a model's Markdown, filtered as it comes.

A link that no passage holds goes: a Markdown link or image keeps its label in brackets and
loses its address; an autolink or a bare address (`scheme://…`, `www.…`) becomes
`(link removed)`. `]:` becomes `] :`, so that no link definition is left, and `<` before a
letter is escaped, so that no HTML is. An address that stands in a passage stays as written.

Citations `[2]`, `[2, 3]` and `【2†…】` stay, as `[2]` and `[2][3]`, where such passages are;
other numbers are dropped, with the spaces before them.

Code spans and fenced code are left as they are. What counts as code follows CommonMark 0.31,
sections 4.5 and 6.1, but only where that is certain within `WINDOW` characters of the same
line; text in doubt is filtered.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

WINDOW = 400
"""The most characters that are held back until it is clear what they are."""

LINK_REMOVED = "(link removed)"

LONGEST_CITATION = 48
LONGEST_SCHEME = 32
LONGEST_GAP = 8
"""Spaces before a dropped citation that are dropped with it."""
DEEPEST_INDENT = 3
"""Spaces before a block; with more, it is indented code or a line of the paragraph."""

_WORD = re.compile(r"[A-Za-z0-9+.\-]+")
_SCHEME = re.compile(rf"[A-Za-z][A-Za-z0-9+.\-]{{0,{LONGEST_SCHEME - 1}}}\Z")
_WWW = re.compile(r"(?<![A-Za-z0-9])www\.", re.IGNORECASE)
_ADDRESS = re.compile(r"""[^\s<>"`|\\^{}\[\]\u0080-\U0010ffff]*""")
_BARE_ADDRESS = re.compile(
    r"""(?:[A-Za-z][A-Za-z0-9+.\-]*://|[Ww]{3}\.)[^\s<>"`|\\^{}\[\]\u0080-\U0010ffff]*"""
)
_AUTOLINK = re.compile(r"<([A-Za-z][A-Za-z0-9+.\-]{1,31}:[^\s<>]*)>")
_AUTOLINK_BEGUN = re.compile(r"<[^\s<>]*\Z")
_DESTINATION = re.compile(
    r"""\]\(\s*(?:<([^<>\n]*)>|([^\s()<>]*(?:\([^\s()<>]*\)[^\s()<>]*)*))"""
    r"""(?:\s+(?:"[^"]*"|'[^']*'|\([^()]*\)))?\s*\)"""
)
_CITATION = re.compile(
    r"\[ *(\d{1,3}(?: *[,;] *\d{1,3})*) *(?=\])|【 *(\d{1,3})(?:[†:][^】\n]*)?】"
)
_CITATION_BEGUN = re.compile(r"\[[\d ,;]*\Z|【[^】\n]*\Z")
_PLAIN = re.compile(r"[^\n`\\\[\]<【 A-Za-z0-9+.\-]*")
_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")

_LINE = re.compile(
    r"(?P<quote>(?: {0,3}>)*)(?P<indent> *)"
    r"(?P<markers>(?:(?:[-*+]|\d{1,9}[.)]) {1,4})*)(?P<fence>`{3,}|~{3,})?"
)
_LINE_BEGUN = re.compile(r"[ \t\r>*+.)\d`~\-]*\Z")
_BLANKS = " \t\r"

Step = tuple[int, str] | None
"""How many characters are decided and what becomes of them; None while it is open."""


def addresses(texts: Iterable[str]) -> frozenset[str]:
    """Return the addresses that stand in the texts, as `MarkdownFilter` compares them."""
    return frozenset(
        _comparable(found.group()) for text in texts for found in _BARE_ADDRESS.finditer(text)
    )


@dataclass(frozen=True, slots=True)
class _Fence:
    """An open code fence: its marker, and the containers that its lines must stay in."""

    marker: str
    quotes: int
    indent: int

    def holds(self, line: str) -> bool:
        """Whether a line is still in the containers: quotes and the list item's indent."""
        inside = re.match(rf"(?: {{0,3}}>){{{self.quotes}}}", line)
        if inside is None:
            return False
        rest = line[inside.end() :]
        return not rest.strip(_BLANKS) or len(rest) - len(rest.lstrip(" ")) >= self.indent

    def is_closed_by(self, line: str) -> bool:
        """Whether a whole line ends the fence."""
        text = line.lstrip(" >").rstrip(_BLANKS)
        return len(text) >= len(self.marker) and not text.strip(self.marker[0])


class MarkdownFilter:
    """Filters one text.

    The text is cut into steps from left to right. A step depends on no more than the next
    `WINDOW` characters, and is taken only when enough of them are there to be sure; so the
    result cannot depend on how the text comes in pieces.

    Args:
        numbers: The passages that may be cited.
        allowed: The addresses that may stay, from `addresses`.

    Attributes:
        cited: The passages cited so far, in order of first use.
    """

    def __init__(self, numbers: Collection[int], allowed: Collection[str]) -> None:
        self.cited: list[int] = []
        self._numbers = numbers
        self._allowed = allowed
        self._text = ""
        self._final = False
        self._at_line_start = True
        self._fence: _Fence | None = None
        self._item_indent = 0
        self._swallowing = False

    def feed(self, text: str) -> str:
        """Take the next piece and return what is now certain."""
        self._text += text
        position = 0
        output: list[str] = []
        while position < len(self._text):
            step = self._step(self._text[position : position + WINDOW])
            if step is None:
                break
            position += step[0]
            output.append(step[1])
        self._text = self._text[position:]
        return "".join(output)

    def finish(self) -> str:
        """Return what was held back."""
        self._final = True
        return self.feed("")

    def _step(self, window: str) -> Step:
        if self._at_line_start:
            return self._begin_line(window)
        if self._swallowing:
            return self._swallow(window)
        if window[0] == "\n":
            self._at_line_start = True
            return 1, "\n"
        if self._fence is not None:
            length = len(window.partition("\n")[0])
            return length, window[:length]
        return self._inline(window)

    def _open(self, window: str) -> bool:
        """Whether more text may come into the window."""
        return not self._final and len(window) < WINDOW

    # Lines and fences

    def _begin_line(self, window: str) -> Step:
        if self._open(window) and _LINE_BEGUN.match(window):
            return None
        line, newline, _ = window.partition("\n")
        if self._fence is not None and self._fence.holds(line):
            return self._begin_fenced_line(window, line, self._fence)
        self._fence = None
        opening = _found(_LINE, window)
        may_open = opening["fence"] and self._fits(opening)
        if may_open and not newline and self._open(window):
            return None
        self._note_item(opening, line)
        self._at_line_start = False
        if may_open and newline and _is_fence(opening["fence"], line[opening.end() :]):
            self._fence = _Fence(opening["fence"], opening["quote"].count(">"), self._item_indent)
            return len(line), line
        length = opening.start("fence") if opening["fence"] else opening.end()
        return length, window[:length]

    def _begin_fenced_line(self, window: str, line: str, fence: _Fence) -> Step:
        whole = "\n" in window or self._final
        if not whole and self._open(window) and not line.strip(_BLANKS + ">`~"):
            return None
        if whole and fence.is_closed_by(line):
            self._fence = None
        self._at_line_start = False
        return len(line), line

    def _fits(self, opening: re.Match[str]) -> bool:
        """Whether a line begins in the open list item, or with little indent."""
        indent = len(opening["indent"])
        base = self._item_indent if indent >= self._item_indent else 0
        return indent - base <= DEEPEST_INDENT

    def _note_item(self, opening: re.Match[str], line: str) -> None:
        """Remember how far the text of the open list item is indented."""
        if opening["markers"] and self._fits(opening):
            self._item_indent = len(opening["indent"]) + len(opening["markers"])
        elif line.strip(_BLANKS) and len(opening["indent"]) < self._item_indent:
            self._item_indent = 0

    # Inside a line

    def _inline(self, window: str) -> Step:
        special = {
            "`": self._code,
            "\\": self._escape,
            "[": self._citation,
            "【": self._citation,
            "]": self._label_end,
            "<": self._angle,
            " ": self._spaces,
        }.get(window[0])
        if special is not None:
            return special(window)
        if word := _WORD.match(window):
            return self._word(window, word.group())
        plain = _found(_PLAIN, window)
        return plain.end(), plain.group()

    def _code(self, window: str) -> Step:
        ticks = len(window) - len(window.lstrip("`"))
        line, newline, _ = window.partition("\n")
        closing = re.search(rf"(?<!`)`{{{ticks}}}(?!`)", line[ticks:])
        if closing is not None:
            end = ticks + closing.end()
            if end < len(window) or self._final:
                return end, window[:end]
        if not newline and self._open(window):
            return None
        return ticks, window[:ticks]

    def _escape(self, window: str) -> Step:
        if len(window) == 1 and self._open(window):
            return None
        length = 2 if window[1:2] in _PUNCTUATION else 1
        return length, window[:length]

    def _citation(self, window: str) -> Step:
        head = window[:LONGEST_CITATION]
        found = _CITATION.match(head)
        if found is None:
            more = self._open(window) and len(head) < LONGEST_CITATION
            return None if more and _CITATION_BEGUN.match(head) else (1, window[0])
        numbers = [int(number) for number in re.findall(r"\d+", found.group(1) or found.group(2))]
        kept = [number for number in numbers if number in self._numbers]
        self.cited += [number for number in dict.fromkeys(kept) if number not in self.cited]
        text = "".join(f"[{number}]" for number in kept)
        if found.group(1) is None:
            return found.end(), text
        # The bracket stays for the next step, which looks at what follows it.
        return (found.end(), text[:-1]) if kept else (found.end() + 1, "")

    def _label_end(self, window: str) -> Step:
        following = window[1:2]
        if not following and self._open(window):
            return None
        if following == ":":
            return 2, "] :"
        if following != "(":
            return 1, "]"
        paragraph, blank_line, _ = window.partition("\n\n")
        if link := _DESTINATION.match(paragraph):
            address = link.group(1) or link.group(2) or ""
            return link.end(), link.group() if self._is_allowed(address) else "]"
        if self._open(window) and not blank_line:
            return None
        return 2, "] ("

    def _angle(self, window: str) -> Step:
        if link := _AUTOLINK.match(window):
            allowed = self._is_allowed(link.group(1))
            return link.end(), link.group() if allowed else LINK_REMOVED
        if self._open(window) and _AUTOLINK_BEGUN.match(window):
            return None
        return 1, "\\<" if re.match(r"<[A-Za-z/!?]", window) else "<"

    def _spaces(self, window: str) -> Step:
        """Keep the spaces, unless the citation after them is dropped."""
        length = len(window) - len(window.lstrip(" "))
        rest = window[length:]
        if not rest and self._open(window):
            return None
        if length > LONGEST_GAP or rest[:1] not in {"[", "【"}:
            return length, window[:length]
        citation = self._citation(rest)
        if citation is None:
            return None
        return length + citation[0], window[:length] + citation[1] if citation[1] else ""

    def _word(self, window: str, word: str) -> Step:
        following = window[len(word) : len(word) + 3]
        www = _WWW.search(word)
        if not www and len(window) == WINDOW and len(following) < len("://"):
            # Too long to be a scheme, but its end may be one.
            return WINDOW - LONGEST_SCHEME, window[: WINDOW - LONGEST_SCHEME]
        if following != "://" and "://".startswith(following) and self._open(window):
            return None
        start = _scheme_start(word) if following == "://" else www.start() if www else None
        if start == 0:
            return self._address(window)
        return (len(word), word) if start is None else (start, word[:start])

    def _address(self, window: str) -> Step:
        whole = _found(_ADDRESS, window).group()
        if len(whole) == len(window) and self._open(window):
            return None
        if len(whole) == WINDOW:
            self._swallowing = True
            return WINDOW, LINK_REMOVED
        address = _without_punctuation(whole)
        # A reader would take a character outside of ASCII for a part of the address.
        is_whole = window[len(whole) : len(whole) + 1].isascii()
        allowed = is_whole and self._is_allowed(address)
        return len(address), address if allowed else LINK_REMOVED

    def _swallow(self, window: str) -> Step:
        """Drop the rest of an address that is longer than any that may stay."""
        length = _found(_ADDRESS, window).end()
        self._swallowing = length == len(window)
        return length, ""

    def _is_allowed(self, address: str) -> bool:
        return _comparable(address) in self._allowed


def _found(pattern: re.Pattern[str], text: str) -> re.Match[str]:
    """Match a pattern of which each part may be empty, so that it matches any text."""
    found = pattern.match(text)
    if found is None:
        raise ValueError(f"{pattern.pattern} must match any text")
    return found


def _is_fence(marker: str, info: str) -> bool:
    """Whether a line opens a fence: one of backticks has none of them behind it."""
    return marker[0] == "~" or "`" not in info


def _scheme_start(word: str) -> int | None:
    """Return where the scheme begins that ends the word before `://`."""
    first = max(0, len(word) - LONGEST_SCHEME)
    return next((at for at in range(first, len(word)) if _SCHEME.match(word, at)), None)


def _without_punctuation(address: str) -> str:
    """Return the address without the punctuation of the sentence that it stands in."""
    while address.endswith((".", ",", ";", ":", "!", "?", "'", "*", "_", "~")) or (
        address.endswith(")") and address.count(")") > address.count("(")
    ):
        address = address[:-1]
    return address


def _comparable(address: str) -> str:
    return _without_punctuation(address).rstrip("/")
