"""Recognises fenced code the way a reader's Markdown parser does."""

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
        """Return whether the line is certainly still inside the fence's container."""
        if line.startswith(self.container):
            return True
        return line.rstrip(" \t") == self.container.rstrip(" ")

    def may_be_closed_by(self, line: str) -> bool:
        """Return whether a line, which may be incomplete, may end the fence."""
        return not line.strip(" >\t").strip(self.marker[0])

    def is_closed_by(self, line: str) -> bool:
        """Return whether a complete line ends the fence.

        The result is exact at top level; inside a container it may be true too often.
        """
        if self.container:
            run = line.strip(" >\t")
        else:
            run = line.rstrip(" \t").removeprefix(" ").removeprefix(" ").removeprefix(" ")
        return len(run) >= len(self.marker) and not run.strip(self.marker[0])


def may_open_fence(before: str, line: str, length: int) -> bool:
    """Return whether a line may open a fence, so that the parser has to decide.

    Args:
        before: The part of the line before the backticks or tildes.
        line: The rest of the line, from them on.
        length: The number of backticks or tildes.
    """
    may_be_table_head = "|" in line  # the next line decides
    return (
        length >= SHORTEST_FENCE
        and not may_be_table_head
        and _BEFORE_FENCE.fullmatch(before) is not None
    )


def opened_fence(text: str, before: str, marker: str) -> Fence | None:
    """Return the fence that the last line of a text opens; None unless it certainly opens one.

    Args:
        text: The text that the reader has, from a place where no block is open.
        before: The part of its last line before the backticks or tildes.
        marker: The backticks or tildes.
    """
    fences = [token for token in _blocks.parse(text) if token.type == "fence"]
    newest = fences[-1] if fences else None
    if newest is None or newest.map is None or newest.map[0] != text.count("\n"):
        return None
    container = "" if newest.level == 0 else _container(before)
    return None if container is None else Fence(marker, container)


def _container(before: str) -> str | None:
    """Return the prefix of each line of a fence in a list or a quote; None if in doubt.

    Args:
        before: The part of the line before the fence.
    """
    if set(before) <= {" ", ">"}:
        return before
    return None if ">" in before or "\t" in before else " " * len(before)
