"""Links and citations in a model's Markdown, filtered as it streams.

Only addresses that occur in a passage are kept. A link or image with any other address keeps its
label in brackets and loses the address; an autolink or a bare address becomes `(link removed)`.
HTML and character references are escaped. Citations `[2]`, `[2, 3]` and `【2†…】` are kept, as
`[2]` and `[2][3]`, if such passages exist; others are dropped, with the spaces before them.

Code spans and fenced code pass unchanged, so the filter must never mistake for code what a
reader's Markdown parser takes for text. It does not imitate that parser: it asks markdown-it
whether a line opens a fence, given the output so far; it leaves a fence as soon as a line might
end it; and it escapes each backtick that is not part of a code span on the same line. Everywhere
else, nothing in the output can begin a link, whatever surrounds it.
docs/decisions/0006-filter-of-answers.md gives the reasons.
"""

import re
from collections.abc import Collection

from seedx_server.ai.answer.addresses import comparable, without_punctuation
from seedx_server.ai.answer.fences import SHORTEST_FENCE, Fence, may_open_fence, opened_fence

WINDOW = 400
"""The most characters that are held back until it is clear what they are."""
PARSED_AT_MOST = 1_000_000
"""Characters given to the parser for one text; after that, fences are escaped."""

LINK_REMOVED = "(link removed)"

LONGEST_CITATION = 48
LONGEST_GAP = 8
"""Spaces before a dropped citation that are dropped with it."""

_WORD = re.compile(r"[A-Za-z0-9]+")
_PLAIN = re.compile(r"[^A-Za-z0-9\n `~\\\[\]<&:【]+")
_IN_WORD = re.compile(r"[A-Za-z0-9]\Z")
_SCHEME_END = re.compile(r"[A-Za-z0-9+.\-]\Z")
_ADDRESS = re.compile(r"""[^\s<>"`|\\^{}\[\]\u0080-\U0010ffff]*""")
_GOES_ON = re.compile(r"[\\^{}\u0080-\U0010ffff]")
"""Characters that some readers count as part of the address before them."""
_AUTOLINK = re.compile(r"<([A-Za-z][A-Za-z0-9+.\-]{1,31}:[^\s<>]*)>")
_AUTOLINK_BEGUN = re.compile(r"<(?:[A-Za-z][^\s<>]*)?\Z")
_DESTINATION = re.compile(
    r"""\]\([ \t]*(?:<([^<>\n]*)>|([^\s()<>]*(?:\([^\s()<>]*\)[^\s()<>]*)*))"""
    r"""(?:[ \t]+(?:"[^"\n]*"|'[^'\n]*'|\([^()\n]*\)))?[ \t]*\)"""
)
_CITATION = re.compile(
    r"\[ *(\d{1,3}(?: *[,;] *\d{1,3})*) *(?=\])|【 *(\d{1,3})(?:[†:][^】\n]*)?】"
)
_CITATION_BEGUN = re.compile(r"\[[\d ,;]*\Z|【[^】\n]*\Z")
_REFERENCE = re.compile(r"&#?[A-Za-z0-9]{1,32};")
_REFERENCE_BEGUN = re.compile(r"&#?[A-Za-z0-9]{0,32}")
_HARMLESS_REFERENCES = frozenset({"&amp;", "&lt;", "&gt;", "&quot;", "&apos;", "&nbsp;"})
_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
_OPEN_PIPE = re.compile(r"(?<!\\)\|")
_DELIMITER_ROW = re.compile(r"[ \t\v\f>|:\-]*-[ \t\v\f>|:\-]*")

_JOINED = re.compile(
    r"""\]\0[(:] | <\0[A-Za-z/!?] | &\0[#A-Za-z0-9] | \\\0[!-/:-@\[-`{-~] | `\0` | ~\0~
    | [A-Za-z0-9+.\-](?:\0:// | :\0// | :/\0/)
    | (?<![A-Za-z0-9])[Ww](?:\0[Ww][Ww] | [Ww]\0[Ww] | [Ww][Ww]\0)\\?\.""",
    re.VERBOSE,
)
"""What the end of one step (before the NUL) and the start of the next must not form together."""

Step = tuple[int, str] | None
"""How many characters are decided and their replacement; None until more text arrives."""


class MarkdownFilter:
    """Filters one text.

    The text is processed in steps from left to right. A step depends on the output so far and on at
    most the next `WINDOW` characters, and is taken only once enough of them have arrived; so the
    result does not depend on how the text is cut into pieces.

    Args:
        numbers: The passages that may be cited.
        allowed: The addresses to keep, from `addresses.addresses`.

    Attributes:
        cited: The passages cited so far, in order of first use.
    """

    def __init__(self, numbers: Collection[int], allowed: Collection[str]) -> None:
        self.cited: list[int] = []
        self._numbers = numbers
        self._allowed = allowed
        self._beginnings = {"http://", "https://", "ftp://", "www."} | {
            f"{address.partition('://')[0].lower()}://" for address in allowed if "://" in address
        }
        self._held = ""
        self._final = False
        self._in_long_address = False
        self._in_address = False
        self._fence: Fence | None = None
        self._parser_budget = PARSED_AT_MOST
        # The output since the last fence at top level ended, where a parser can begin.
        self._output: list[str] = []
        self._forget_output = False
        self._line: list[str] = []
        self._tail = ""
        self._in_table = False
        self._had_pipe = False
        self._code_has_pipe = False
        self._had_code_with_pipe = False

    def feed(self, text: str) -> str:
        """Process the next piece and return the text that is now certain."""
        text = self._held + text
        position = 0
        emitted: list[str] = []
        while position < len(text):
            verbatim = self._fence is not None
            step = self._step(text[position : position + WINDOW])
            if step is None:
                break
            length, kept = step
            position += length
            if length and not kept and self._in_address:
                kept = " "  # what follows must not become a part of the address
            emitted.append(self._emit(kept, verbatim=verbatim))
        self._held = text[position:]
        return "".join(emitted)

    def finish(self) -> str:
        """Return the text that was held back."""
        self._final = True
        text = self.feed("")
        return text if self._fence is not None else text + self._end_line()

    def _step(self, window: str) -> Step:
        if self._fence is not None:
            return self._fenced_line(window, self._fence)
        if self._in_long_address:
            return self._skip_address(window)
        special = {
            "\n": self._newline,
            " ": self._spaces,
            "`": self._marker_run,
            "~": self._marker_run,
            "\\": self._escape,
            "[": self._citation,
            "【": self._citation,
            "]": self._label_end,
            "<": self._angle,
            "&": self._reference,
            ":": self._colon,
        }.get(window[0])
        if special is not None:
            return special(window)
        if word := _WORD.match(window):
            return self._word(window, word.group())
        plain = _match_start(_PLAIN, window)
        return plain.end(), plain.group()

    def _may_grow(self, window: str) -> bool:
        return not self._final and len(window) < WINDOW

    def _emit(self, text: str, *, verbatim: bool) -> str:
        """Return the text as it may follow the output so far, and record it."""
        if not self._output and not self._tail:
            text = text.lstrip()
        if not text:
            return ""
        if not verbatim and _JOINED.search(f"{self._tail}\0{text[:3]}"):
            text = f" {text}"
        self._in_address = self._in_address and not re.search(r"\s", text)
        is_escape = len(text) == len("\\x") and text[0] == "\\"
        # An escaped character begins nothing, whatever follows it.
        self._tail = "\0" if is_escape else (self._tail + text)[-4:]
        self._output.append(text)
        if self._forget_output:
            self._output = [""]
            self._forget_output = False
        if text.endswith("\n"):
            self._line.clear()
        else:
            self._line.append(text)
        return text

    # Fenced code

    def _marker_run(self, window: str) -> Step:
        """Process a run of backticks or tildes: a fence, a code span, or escaped."""
        mark = window[0]
        length = len(window) - len(window.lstrip(mark))
        if length == len(window) and self._may_grow(window):
            return None
        line, newline, _ = window.partition("\n")
        if may_open_fence("".join(self._line), line, length):
            if not newline and self._may_grow(window):
                return None
            if (newline or self._final) and self._opens_fence(line, mark * length):
                return len(line), line
        if mark == "`":
            return self._code_span(window, length)
        return length, window[:length] if length < SHORTEST_FENCE else f"\\{window[:length]}"

    def _opens_fence(self, line: str, marker: str) -> bool:
        text = "".join(self._output) + line
        self._parser_budget -= len(text)
        if self._parser_budget >= 0:
            self._fence = opened_fence(text, "".join(self._line), marker)
        return self._fence is not None

    def _fenced_line(self, window: str, fence: Fence) -> Step:
        if window[0] == "\n":
            return 1, "\n"
        line, newline, _ = window.partition("\n")
        if self._line:
            return len(line), line
        is_whole = bool(newline) or self._final
        is_open = len(line) < len(fence.container) or fence.may_be_closed_by(line)
        if not is_whole and is_open:
            if self._may_grow(window):
                return None
            self._parser_budget = 0
        if not fence.holds(line) or (not is_whole and is_open):
            self._fence = None
            return 0, ""
        if is_whole and fence.is_closed_by(line):
            self._fence = None
            self._forget_output = not fence.container
        return len(line), line

    # Inside a line

    def _newline(self, window: str) -> Step:
        del window
        return 1, self._end_line() + "\n"

    def _end_line(self) -> str:
        """Keep track of tables, and return what stops this line from making an unsafe one.

        Parsers cut the cells of a table at pipes before they look for code spans.
        """
        line = "".join(self._line)
        is_delimiter_row = _DELIMITER_ROW.fullmatch(line) is not None
        spoils = is_delimiter_row and "|" in line and self._had_code_with_pipe
        if not line.strip(" \t"):
            self._in_table = False
        elif is_delimiter_row and self._had_pipe:
            self._in_table = True
        self._had_pipe = "|" in line
        self._had_code_with_pipe, self._code_has_pipe = self._code_has_pipe, False
        return "\\" if spoils else ""

    def _code_span(self, window: str, ticks: int) -> Step:
        line, newline, _ = window.partition("\n")
        closing = re.search(rf"(?<!`)`{{{ticks}}}(?!`)", line[ticks:])
        if closing is not None:
            end = ticks + closing.end()
            if end < len(window) or self._final:
                return end, self._code(window[:end])
        if not newline and self._may_grow(window):
            return None
        return ticks, "\\`" * ticks

    def _code(self, code: str) -> str:
        if self._in_table:
            return _OPEN_PIPE.sub(r"\\|", code)
        self._code_has_pipe = self._code_has_pipe or _OPEN_PIPE.search(code) is not None
        return code

    def _escape(self, window: str) -> Step:
        following = window[1:2]
        if not following and self._may_grow(window):
            return None
        if following in {":", "/"}:
            return 1, ""  # without the backslash, an address is recognised
        return (2, window[:2]) if following in _PUNCTUATION else (1, "\\")

    def _citation(self, window: str) -> Step:
        head = window[:LONGEST_CITATION]
        found = _CITATION.match(head)
        if found is None:
            more = self._may_grow(window) and len(head) < LONGEST_CITATION
            return None if more and _CITATION_BEGUN.match(head) else (1, window[0])
        numbers = [int(number) for number in re.findall(r"\d+", found.group(1) or found.group(2))]
        kept = [number for number in numbers if number in self._numbers]
        self.cited += [number for number in dict.fromkeys(kept) if number not in self.cited]
        text = "".join(f"[{number}]" for number in kept)
        if found.group(1) is None:
            return found.end(), text
        # The bracket is left for the next step, which looks at what follows it.
        return (found.end(), text[:-1]) if kept else (found.end() + 1, "")

    def _label_end(self, window: str) -> Step:
        following = window[1:2]
        if not following and self._may_grow(window):
            return None
        if following != "(":
            return (2, "] :") if following == ":" else (1, "]")
        line, newline, _ = window.partition("\n")
        if link := _DESTINATION.match(line):
            bracketed, bare = link.groups()
            if not self._is_allowed(bracketed or bare or ""):
                return link.end(), "]"
            return link.end(), f"](<{bracketed}>)" if bracketed else f"]({bare})"
        if not newline and self._may_grow(window):
            return None
        return 2, "] ("

    def _angle(self, window: str) -> Step:
        if link := _AUTOLINK.match(window):
            allowed = self._is_allowed(link.group(1))
            return link.end(), link.group() if allowed else LINK_REMOVED
        if self._may_grow(window) and _AUTOLINK_BEGUN.match(window):
            return None
        return 1, "\\<" if re.match(r"<[A-Za-z/!?]", window) else "<"

    def _reference(self, window: str) -> Step:
        if reference := _REFERENCE.match(window):
            text = reference.group()
            return len(text), text if text in _HARMLESS_REFERENCES else f"\\{text}"
        begun = _match_start(_REFERENCE_BEGUN, window)
        if begun.end() == len(window) and self._may_grow(window):
            return None
        return begun.end(), begun.group()

    def _spaces(self, window: str) -> Step:
        """Keep the spaces, unless the citation after them is dropped."""
        length = len(window) - len(window.lstrip(" "))
        rest = window[length:]
        if not rest and self._may_grow(window):
            return None
        if length > LONGEST_GAP or rest[:1] not in {"[", "【"}:
            return length, window[:length]
        citation = self._citation(rest)
        if citation is None:
            return None
        return length + citation[0], window[:length] + citation[1] if citation[1] else ""

    # Addresses

    def _word(self, window: str, word: str) -> Step:
        if not _IN_WORD.search(self._tail):
            start = window.lower()
            for beginning in self._beginnings:
                if start.startswith(beginning):
                    return self._address(window)
                if beginning.startswith(start) and self._may_grow(window):
                    return None
        return len(word), word

    def _colon(self, window: str) -> Step:
        """Process an address whose scheme no passage uses; its name is already in the output."""
        if not _SCHEME_END.search(self._tail):
            return 1, ":"
        if window.startswith("://"):
            return self._address(window)
        return None if "://".startswith(window) and self._may_grow(window) else (1, ":")

    def _address(self, window: str) -> Step:
        whole = _match_start(_ADDRESS, window).group()
        if len(whole) == len(window) and self._may_grow(window):
            return None
        if len(whole) == WINDOW:
            self._in_long_address = True
            return WINDOW, LINK_REMOVED
        address = without_punctuation(whole)
        ends_here = not _GOES_ON.match(window, len(whole))
        self._in_address = ends_here and comparable(address) in self._allowed
        return len(address), address if self._in_address else LINK_REMOVED

    def _skip_address(self, window: str) -> Step:
        """Drop the rest of an address that is too long to be kept."""
        length = _match_start(_ADDRESS, window).end()
        self._in_long_address = length == len(window)
        return length, ""

    def _is_allowed(self, address: str) -> bool:
        return address.rstrip("/") in self._allowed


def _match_start(pattern: re.Pattern[str], text: str) -> re.Match[str]:
    """Match a pattern that is known to match at the start of the text."""
    found = pattern.match(text)
    if found is None:
        raise ValueError(f"{pattern.pattern} must match {text[:1]!r}")
    return found
