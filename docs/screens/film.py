"""A terminal's recording as one animated SVG, which plays without a script.

The frames stand side by side, and a CSS animation moves the strip one frame at a time. A row that
several frames share is drawn once. Who prefers reduced motion sees the last frame.
"""

# ruff: noqa: INP001  # a script's part, not a package

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from html import escape
from itertools import groupby, pairwise
from typing import NamedTuple

import pyte

CELL_WIDTH, ROW_HEIGHT, FONT_SIZE = 8.4, 18.0, 14
MARGIN, TITLE_HEIGHT = 16.0, 34.0
GAP = 20.0
"""Between two frames, so that nothing of one is seen in the other."""
FONTS = 'ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace'
BUTTONS = ((20, "#ff5f57"), (40, "#febc2e"), (60, "#28c840"))
FOREGROUND, BACKGROUND, DIM = "#d4d7dd", "#1b1e24", "#8b919d"
COLORS = {
    "black": "#4d5566",
    "red": "#ff6b6b",
    "green": "#8fd27a",
    "brown": "#e5c07b",
    "blue": "#74b0ff",
    "magenta": "#d79bf5",
    "cyan": "#62d0dc",
    "white": "#ffffff",
}
"""Colours of the emulator's names, all readable on the background."""

SHORTEST_SECONDS = 0.12
"""A frame that is replaced sooner is left out."""
LONGEST_SECONDS = 1.5
"""A frame that stays longer is cut to this: nobody wants to watch a server start."""
END_SECONDS = 5.0

Row = tuple[pyte.screens.Char, ...]


class Frame(NamedTuple):
    """What the terminal showed from a moment on, in seconds since the recording began."""

    moment: float
    rows: Sequence[Row]


def film(frames: Sequence[Frame], title: str) -> str:
    """Draw a recording.

    Args:
        frames: What was shown, in order; every frame has the same number of rows and columns.
        title: What the window is called, and what a screen reader says.

    Returns:
        The text of an SVG, which loads nothing.
    """
    kept = _timed(frames)
    seconds = kept[-1].moment + END_SECONDS
    rows: dict[Row, int] = {}
    width = len(kept[0].rows[0]) * CELL_WIDTH
    height = len(kept[0].rows) * ROW_HEIGHT
    step = width + GAP
    strip = "".join(_placed(frame, number * step, rows) for number, frame in enumerate(kept))
    outer_width, outer_height = width + 2 * MARGIN, height + TITLE_HEIGHT + MARGIN
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape(title)}"
    viewBox="0 0 {outer_width:.0f} {outer_height:.0f}">
<style>
text {{
    font: {FONT_SIZE}px {FONTS}; fill: {FOREGROUND};
    white-space: pre; dominant-baseline: central;
}}
.b {{ font-weight: bold }} .i {{ font-style: italic }} .u {{ text-decoration: underline }}
#strip {{ animation: play {seconds:.2f}s step-end infinite }}
@keyframes play {{ {_keyframes(kept, seconds, step)} }}
@media (prefers-reduced-motion) {{
    #strip {{ animation: none; transform: translateX({-(len(kept) - 1) * step:.1f}px) }}
}}
</style>
<defs>
<clipPath id="window"><rect width="{width:.1f}" height="{height:.1f}"/></clipPath>
{"".join(_drawn(row, number) for row, number in rows.items())}
</defs>
<rect width="{outer_width:.0f}" height="{outer_height:.0f}" rx="8" fill="{BACKGROUND}"/>
{"".join(_button(*button) for button in BUTTONS)}
<text x="50%" y="17" text-anchor="middle" style="fill: {DIM}">{escape(title)}</text>
<g transform="translate({MARGIN:g},{TITLE_HEIGHT:g})" clip-path="url(#window)">
<g id="strip">{strip}</g>
</g>
</svg>
"""


def _timed(frames: Sequence[Frame]) -> list[Frame]:
    """Shorten what stays for long, and leave out what is gone too soon or shows nothing new."""
    kept: list[Frame] = []
    clock = 0.0
    for frame, following in pairwise([*frames, Frame(math.inf, ())]):
        if kept and clock - kept[-1].moment < SHORTEST_SECONDS:
            kept[-1] = Frame(kept[-1].moment, frame.rows)
        elif not kept or frame.rows != kept[-1].rows:
            kept.append(Frame(clock, frame.rows))
        clock += min(following.moment - frame.moment, LONGEST_SECONDS)
    return kept


def _keyframes(frames: Sequence[Frame], seconds: float, step: float) -> str:
    return " ".join(
        f"{100 * frame.moment / seconds:.2f}% {{ transform: translateX({-number * step:.1f}px) }}"
        for number, frame in enumerate(frames)
    )


def _button(x: int, color: str) -> str:
    return f'<circle cx="{x}" cy="17" r="6" fill="{color}"/>'


def _placed(frame: Frame, x: float, known: dict[Row, int]) -> str:
    """Put a frame's rows on the strip; each new one gets the next number."""
    placed = "".join(
        f'<use href="#r{known.setdefault(row, len(known))}" y="{place * ROW_HEIGHT:g}"/>'
        for place, row in enumerate(frame.rows)
        if any(cell.data.strip() for cell in row)
    )
    return f'<g transform="translate({x:.1f})">{placed}</g>'


def _drawn(row: Row, number: int) -> str:
    """Draw a row, one piece of text for each style."""
    column, texts = 0, []
    for style, cells in groupby(row, key=_style):
        text = "".join(cell.data for cell in cells)
        if text.strip():
            texts.append(_text(text, column, style))
        column += len(text)
    return f'<g id="r{number}">{"".join(texts)}</g>'


def _text(text: str, column: int, style: str) -> str:
    indent = len(text) - len(text.lstrip())
    text = text.strip()
    x, length = (column + indent) * CELL_WIDTH, len(text) * CELL_WIDTH
    return (
        f'<text x="{x:.1f}" y="{ROW_HEIGHT / 2:g}" textLength="{length:.1f}"{style}>'
        f"{escape(text, quote=False)}</text>"
    )


def _style(cell: pyte.screens.Char) -> str:
    classes = [
        name
        for name, holds in (("b", cell.bold), ("i", cell.italics), ("u", cell.underscore))
        if holds
    ]
    color = f"#{cell.fg}" if re.fullmatch("[0-9a-f]{6}", cell.fg) else _named(cell.fg)
    attribute = f' class="{" ".join(classes)}"' if classes else ""
    return attribute + (f' style="fill:{color}"' if color != FOREGROUND else "")


def _named(color: str) -> str:
    return COLORS.get(color.removeprefix("bright"), FOREGROUND)
