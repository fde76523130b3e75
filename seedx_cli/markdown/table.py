"""Tables in Markdown: as columns if they fit, else one row for each title and value."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from seedx_cli.markdown.row import Row, drawn
from seedx_cli.markdown.style import FAINT, STRONG

# Longer words may be broken to keep the columns.
_LONGEST_WORD = 16
_GAP = 3


def table_rows(
    console: Console, header: Sequence[Text], records: Sequence[Sequence[Text]], width: int
) -> list[Row]:
    """Draw a table.

    Args:
        console: Whose colours and measures apply.
        header: The title of each column.
        records: The cells of each record, as many as there are columns.
        width: Columns of the terminal.

    Returns:
        Aligned columns with a line below the header or, if their words do not fit side by side,
        ``title: value`` for every cell, with an empty row between records.
    """
    if records and _least_width(header, records) > width:
        return _pairs(console, header, records, width)
    table = Table(
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        header_style=STRONG,
        border_style=FAINT,
    )
    for title in header:
        table.add_column(title, overflow="fold", justify=title.justify or "left")
    for record in records:
        table.add_row(*record)
    return drawn(console, table, width)


def _least_width(header: Sequence[Text], records: Sequence[Sequence[Text]]) -> int:
    columns = zip(header, *records, strict=True)
    widths = [max(map(_longest_word, column)) for column in columns]
    return sum(widths) + _GAP * (len(widths) - 1)


def _longest_word(text: Text) -> int:
    return min(_LONGEST_WORD, max(map(cell_len, text.plain.split()), default=1))


def _pairs(
    console: Console, header: Sequence[Text], records: Sequence[Sequence[Text]], width: int
) -> list[Row]:
    rows: list[Row] = []
    for record in records:
        if rows:
            rows.append([])
        for title, value in zip(header, record, strict=True):
            label = Text(f"{title.plain}: ", STRONG, justify="left")
            rows += drawn(console, label + value, width)
    return rows
