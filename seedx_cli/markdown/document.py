"""A Markdown text that grows: its final rows, and the rows of its unfinished end.

A top-level block is final once the next one has begun or an empty line has ended it; a list item,
once the next item has begun; a line of a code fence, once it is complete. Only complete lines
count, and each final part is drawn from its own lines alone, so it makes no difference where the
text was cut into pieces.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from rich.console import Console

from seedx_cli.markdown.code import Fence, Highlighter
from seedx_cli.markdown.preview import LONGEST_PREVIEW, preview
from seedx_cli.markdown.render import References, Renderer, code_header, parser
from seedx_cli.markdown.row import Row, folded
from seedx_cli.terminal.safe_text import SafeStream

# A block longer than this is parsed again only after it has grown by an eighth, which keeps the
# total cost linear.
_LONG_BLOCK = 2000
_ONE_LINE = {"heading_open", "hr"}
_UNTIL_BLANK = {"blockquote_open", "paragraph_open", "table_open"}


@dataclass(frozen=True)
class _Unit:
    """A part of the text that becomes final as a whole: a top-level block or a list item.

    Attributes:
        kind: The parser's name for what opens it.
        start: Its first line.
        end: The line after its last.
        number: For a list item, the number that its list begins with.
        continues: Whether it follows another item of the same list.
        spaced: Whether the line before it is empty.
    """

    kind: str
    start: int
    end: int
    number: int = 1
    continues: bool = False
    spaced: bool = True


@dataclass(frozen=True)
class _Item:
    """The next item of the current list: its number, and whether an empty row precedes it."""

    number: int
    spaced: bool


class Document:
    """A Markdown text that comes in pieces.

    Args:
        console: Whose colours and measures apply.
        hyperlinks: Whether links open by themselves (OSC 8).
    """

    def __init__(self, console: Console, *, hyperlinks: bool) -> None:
        self._renderer = Renderer(console, hyperlinks=hyperlinks)
        self._scanner = parser().disable("inline")
        self._safe = SafeStream()
        self._pieces: list[str] = []
        self._pending = ""
        self._parse_at = 0
        self._references: References = {}
        self._fence: Fence | None = None
        self._highlighter = Highlighter("")
        self._item: _Item | None = None
        self._in_table = False
        self._has_rows = False

    @property
    def has_rows(self) -> bool:
        """Whether any of it is final and drawn."""
        return self._has_rows

    def feed(self, text: str) -> None:
        """Add a piece of untrusted text."""
        self._pieces.append(self._safe.feed(text))

    def commit(self, width: int, *, complete: bool = False) -> list[Row]:
        """Draw what has become final since the last call.

        Args:
            width: Columns of the terminal.
            complete: Whether the text ends here, so that all of it is final.

        Returns:
            Rows that will not change any more.
        """
        if complete:
            self._pieces.append(self._safe.finish())
        self._pending += "".join(self._pieces)
        self._pieces.clear()
        known = len(self._pending) if complete else self._pending.rfind("\n") + 1
        if known < self._parse_at and not complete:
            return []
        lines = self._pending[:known].splitlines(keepends=True)
        rows: list[Row] = []
        done = self._take_code(lines, rows) if self._fence else 0
        if self._fence is None:
            done += self._take_blocks(lines[done:], rows, width, complete=complete)
        rest = sum(map(len, lines[done:]))
        self._pending = self._pending[known - rest :]
        self._parse_at = rest + 1 + max(0, rest - _LONG_BLOCK) // 8
        return rows

    def tail(self, width: int, height: int) -> list[Row]:
        """Draw the unfinished end.

        Args:
            width: Columns of the terminal.
            height: Rows it may take.

        Returns:
            Its newest rows, each of which fits.
        """
        rows = self._code_tail() if self._fence else self._block_tail(width)
        return [piece for row in rows for piece in folded(row, width)][-height:]

    def _take_code(self, lines: Sequence[str], rows: list[Row]) -> int:
        """Draw the lines of the open fence, and return how many belong to it."""
        for count, line in enumerate(lines, 1):
            text = line.rstrip("\n")
            if self._fence is None or self._fence.is_closed_by(text):
                self._fence = None
                return count
            rows.append(self._highlighter.line(self._fence.content(text)))
        return len(lines)

    def _take_blocks(
        self, lines: Sequence[str], rows: list[Row], width: int, *, complete: bool
    ) -> int:
        """Draw the blocks that are final, and return how many lines they have."""
        done = 0
        units = self._units(lines)
        for unit, following in zip_longest(units, units[1:]):
            if unit.kind == "fence":
                # Reads the link definitions before the fence; they produce no rows.
                self._draw(lines[done : unit.start], width)
                self._open_fence(lines[unit.start], rows)
                done = unit.start + 1
                done += self._take_code(lines[done : unit.end], rows)
            elif following or complete or _is_closed(unit, lines):
                block = self._draw(lines[done : unit.end], width)
                self._append(rows, block)
                self._item = self._item_after(unit, following, has_gaps=[] in block)
                done = unit.end
        self._in_table = bool(units) and units[-1].kind == "table_open" and done < units[-1].end
        return len(lines) if complete else done

    def _units(self, lines: Sequence[str]) -> list[_Unit]:
        units: list[_Unit] = []
        number, continues = 1, False
        for token in self._scanner.parse("".join(lines), {}):
            if token.map is None or token.level > 1:
                continue
            start, end = token.map
            if token.type in {"bullet_list_open", "ordered_list_open"} and token.level == 0:
                number, continues = int(token.attrs.get("start", 1)), False
            elif token.type == "list_item_open":
                spaced = not lines[start - 1].strip()
                units.append(_Unit(token.type, start, end, number, continues, spaced))
                continues = True
            elif token.level == 0:
                units.append(_Unit(token.type, start, end))
        return units

    def _item_after(self, unit: _Unit, following: _Unit | None, *, has_gaps: bool) -> _Item | None:
        """Return the next item of the list, if there is one.

        An item that contains an empty row is followed by one too.
        """
        if following is None or not following.continues:
            return None
        number = self._item.number if self._item else unit.number
        return _Item(number + 1, has_gaps or following.spaced)

    def _draw(
        self, lines: Sequence[str], width: int, references: References | None = None
    ) -> list[Row]:
        number = self._item.number if self._item else None
        known = self._references if references is None else references
        return self._renderer.rows("".join(lines), known, width=width, number=number)

    def _open_fence(self, line: str, rows: list[Row]) -> None:
        self._fence = Fence.opened_by(line.rstrip("\n"))
        self._highlighter = Highlighter(self._fence.language)
        self._append(rows, [code_header(self._fence.language)])

    def _append(self, rows: list[Row], block: list[Row]) -> None:
        rows += self._spaced(block)
        self._has_rows |= bool(block)

    def _spaced(self, rows: list[Row]) -> list[Row]:
        """Put an empty row before a block that is not the first."""
        spaced = self._has_rows and (self._item is None or self._item.spaced)
        return [[], *rows] if rows and spaced else rows

    def _code_tail(self) -> list[Row]:
        if self._fence is None or not self._pending.strip(" " + self._fence.marks[0]):
            return []
        line = self._fence.content(self._pending)[-LONGEST_PREVIEW:].expandtabs()
        return [copy.copy(self._highlighter).line(line)]

    def _block_tail(self, width: int) -> list[Row]:
        source = preview(self._pending, table=self._in_table)
        return self._spaced(self._draw([source], width, dict(self._references)))


def _is_closed(unit: _Unit, lines: Sequence[str]) -> bool:
    """Whether the last block can have no further line."""
    if unit.kind in _ONE_LINE:
        return True
    return unit.kind in _UNTIL_BLANK and unit.end < len(lines) and not lines[unit.end].strip()
