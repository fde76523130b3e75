"""The colours of Markdown, each readable on both white and black backgrounds."""

from __future__ import annotations

from rich.style import Style

_BLUE = "color(63)"
_GREEN = "color(28)"
_GRAY = "color(243)"
_MAGENTA = "color(133)"
_ORANGE = "color(130)"
_RED = "color(161)"
_TEAL = "color(30)"

PLAIN = Style()
STRONG = Style(bold=True)
EMPHASIS = Style(italic=True)
STRIKE = Style(strike=True)
TITLE = Style(bold=True, underline=True, color=_BLUE)
SECTION = Style(bold=True, color=_BLUE)
SUBSECTION = Style(bold=True)
LINK = Style(underline=True, color=_BLUE)
FAINT = Style(color=_GRAY)
NOTICE = Style(bold=True, color=_ORANGE)

CODE = Style(color=_TEAL)
COMMENT = Style(italic=True, color=_GRAY)
KEYWORD = Style(color=_MAGENTA)
NAME = Style(color=_BLUE)
NUMBER = Style(color=_ORANGE)
STRING = Style(color=_GREEN)
REMOVED = Style(color=_RED)
