"""Fenced code, as a reader's Markdown parser will see it."""

import re
from dataclasses import dataclass

from markdown_it import MarkdownIt

SHORTEST_FENCE = 3

_blocks = MarkdownIt("commonmark").enable("table").disable("inline")
_BEFORE_FENCE = re.compile(r"[ \t>*+\-0-9.)]*")


@dataclass(frozen=True, slots=True)
class Fence:
    """An open code fence.

    Attributes:
        marker: The backticks or tildes that opened it.
        container: What each of its lines begins with: spaces or quote marks; "" at top level.
    """

    marker: str
    container: str

    def holds(self, line: str) -> bool:
        """Whether the line is certainly still inside the fence's container."""
        if line.startswith(self.container):
            return True
        return line.rstrip(" \t") == self.container.rstrip(" ")

    def may_be_closed_by(self, line: str) -> bool:
        """Whether a line, of which more may follow, may end the fence."""
        return not line.strip(" >\t").strip(self.marker[0])

    def is_closed_by(self, line: str) -> bool:
        """Whether a whole line ends the fence: exact at top level, else rather too often."""
        if self.container:
            run = line.strip(" >\t")
        else:
            run = line.rstrip(" \t").removeprefix(" ").removeprefix(" ").removeprefix(" ")
        return len(run) >= len(self.marker) and not run.strip(self.marker[0])


def may_open_fence(before: str, line: str, length: int) -> bool:
    """Whether it is worth asking if a line opens a fence.

    Args:
        before: What of the line is before the backticks or tildes.
        line: The line from them on.
        length: How many of them there are.
    """
    is_tables_head = "|" in line  # if the next line says so
    return (
        length >= SHORTEST_FENCE
        and not is_tables_head
        and _BEFORE_FENCE.fullmatch(before) is not None
    )


def opened_fence(text: str, before: str, marker: str) -> Fence | None:
    """Return the fence that the last line of a text opens, if it certainly opens one.

    Args:
        text: The whole text as the reader has it, from a place where no block is open.
        before: What of its last line is before the backticks or tildes.
        marker: The backticks or tildes.
    """
    fences = [token for token in _blocks.parse(text) if token.type == "fence"]
    newest = fences[-1] if fences else None
    if newest is None or newest.map is None or newest.map[0] != text.count("\n"):
        return None
    container = "" if newest.level == 0 else _container(before)
    return None if container is None else Fence(marker, container)


def _container(before: str) -> str | None:
    """Return what the lines of a fence in a list or a quote begin with; None if in doubt.

    Args:
        before: What stands before the fence in its line.
    """
    if set(before) <= {" ", ">"}:
        return before
    return None if ">" in before or "\t" in before else " " * len(before)
