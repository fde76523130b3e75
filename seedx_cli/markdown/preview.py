"""The unfinished end of a Markdown text, as it can be drawn while the rest is on its way."""

from __future__ import annotations

import re

# The cost of drawing grows with the length, and only the newest rows are seen.
LONGEST_PREVIEW = 3000
_LINES = 40
_RECORDS = 12
# The cut moves in steps, so that the rows below it do not reflow with every character.
_STEP = 500
_LINE_STEP = 20

# Text that may still become a rule, a list, an underline, a fence, a link or a table.
_UNSETTLED = (
    re.compile(r"^[ \t>]*(?:[-=*_#+~`|:\s]*|\d{1,9}[.)]?[ \t]*|(?:`{3}|~{3}).*)\Z", re.MULTILINE),
    re.compile(r"!?\[[^\]\n]{0,200}(?:\](?:\([^)\n]{0,500})?)?\Z"),
    re.compile(r"\A\s*\|.*(?:\n[ \t|:-]*)?\Z"),
)


def preview(source: str, *, table: bool) -> str:
    """Choose the part of an unfinished text to draw.

    Args:
        source: The text since the last final block.
        table: Whether it is a table, whose first two lines must stay.

    Returns:
        Its end, without what may still become something else, and with open emphasis closed.
    """
    text = _newest_records(source) if table else _newest_part(source)
    for unsettled in _UNSETTLED[: 2 if table else 3]:
        text = unsettled.sub("", text)
    return _with_marks_closed(text)


def _newest_part(source: str) -> str:
    lines = source.split("\n")
    passed = max(0, (len(lines) - _LINES) // _LINE_STEP * _LINE_STEP)
    text = "\n".join(lines[passed:])
    excess = len(text) - LONGEST_PREVIEW
    if excess <= 0:
        return text
    start = excess + -excess % _STEP
    line_start = text.find("\n", start, start + _STEP) + 1
    return text[line_start or text.find(" ", start) + 1 or start :]


def _newest_records(source: str) -> str:
    header, rule, *records = source.strip("\n").split("\n")
    newest = "\n".join(records[-_RECORDS:])
    return f"{header}\n{rule}\n{newest[-LONGEST_PREVIEW:]}"


def _with_marks_closed(text: str) -> str:
    """Close code or strong emphasis that the last line opens; drop a mark with nothing after it."""
    line = text.rpartition("\n")[2]
    for mark in ("`", "**"):
        if line.count(mark) % 2:
            inner = line.rpartition(mark)[2]
            if not inner:
                return text.removesuffix(mark)
            return text if inner[0].isspace() else text.rstrip() + mark
    return text
