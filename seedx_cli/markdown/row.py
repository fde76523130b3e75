"""Rows of a terminal as Rich segments, without their newlines."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, RenderableType
from rich.segment import Segment

Row = list[Segment]


def drawn(console: Console, renderable: RenderableType, width: int) -> list[Row]:
    """Draw something with Rich.

    Args:
        console: Whose colours and measures apply.
        renderable: What to draw.
        width: Columns it may take.

    Returns:
        Its rows without trailing blanks, so that none are copied.
    """
    options = console.options.update(width=width, height=None)
    return [trimmed(row) for row in console.render_lines(renderable, options, pad=False)]


def trimmed(row: Iterable[Segment]) -> Row:
    """Return a row without the blanks at its end."""
    kept = list(row)
    while kept:
        text = kept[-1].text.rstrip(" ")
        if text:
            kept[-1] = Segment(text, kept[-1].style)
            break
        kept.pop()
    return kept


def cells(row: Row) -> int:
    """Return how many columns a row takes."""
    return sum(segment.cell_length for segment in row)


def folded(row: Row, width: int) -> list[Row]:
    """Cut a row into pieces that fit."""
    cuts = range(width, cells(row) + width, width)
    return [list(piece) for piece in Segment.divide(row, cuts)] or [[]]
