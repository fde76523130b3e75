"""Cuts an article's Markdown into passages: pure."""

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token

LONGEST_PASSAGE = 1_200
"""The most characters of a passage, unless code makes it longer."""

UNCUTTABLE = frozenset({"fence", "code_block", "html_block"})

_markdown = MarkdownIt("commonmark").enable("table")


@dataclass(frozen=True, slots=True)
class PassageText:
    """A passage before it is stored.

    Attributes:
        heading: The heading above it as plain text, or "" at the article's opening.
        text: Its Markdown, without the heading.
    """

    heading: str
    text: str


@dataclass(frozen=True, slots=True)
class _Piece:
    """Text that is not cut further, and the separator before it."""

    glue: str
    text: str


def split_into_passages(content: str) -> list[PassageText]:
    """Cut Markdown into passages of at most `LONGEST_PASSAGE` characters.

    A passage begins at each heading. One that is too long is cut between its blocks, a block that
    is too long between its lines, a line between its words. Code is never cut, however long.

    Args:
        content: CommonMark with tables; not blank.
    """
    lines = content.splitlines()
    tokens = _markdown.parse("\n".join(lines))
    code = [token.map for token in tokens if token.type in UNCUTTABLE and token.map]
    found = [
        PassageText(heading, text)
        for heading, blocks in _by_heading(tokens)
        for text in _join_pieces(_pieces(lines, blocks, code))
    ]
    return found or [PassageText("", content.strip())]


def _by_heading(tokens: Sequence[Token]) -> Iterator[tuple[str, list[Token]]]:
    """Yield each heading with the top-level blocks below it."""
    heading, blocks = "", list[Token]()
    for token, following in pairwise([*tokens, Token("end", "", 0)]):
        if token.level != 0 or token.map is None:
            continue
        if token.type == "heading_open":
            yield heading, blocks
            heading, blocks = _plain(following), []
        else:
            blocks.append(token)
    yield heading, blocks


def _plain(inline: Token) -> str:
    parts = (" " if "break" in child.type else child.content for child in inline.children or ())
    return " ".join("".join(parts).split())


def _pieces(
    lines: Sequence[str], blocks: Iterable[Token], code: Sequence[Sequence[int]]
) -> Iterator[_Piece]:
    for block in blocks:
        begin, end = block.map or (0, 0)
        text = "\n".join(lines[begin:end]).rstrip()
        if len(text) <= LONGEST_PASSAGE or block.type in UNCUTTABLE:
            yield _Piece("\n\n", text)
        else:
            yield from _cut_lines(
                lines, begin, end, [span for span in code if begin <= span[0] < end]
            )


def _cut_lines(
    lines: Sequence[str], begin: int, end: int, code: Sequence[Sequence[int]]
) -> Iterator[_Piece]:
    glue = "\n\n"
    ends = {span[0]: span[1] for span in code}
    while begin < end:
        after = ends.get(begin)
        if after is not None:
            yield _Piece(glue, "\n".join(lines[begin:after]))
        else:
            after = begin + 1
            for part in _wrap_line(lines[begin]):
                yield _Piece(glue, part)
                glue = " "
        begin, glue = after, "\n"


def _wrap_line(line: str) -> list[str]:
    if len(line) <= LONGEST_PASSAGE:
        return [line]
    return textwrap.wrap(line, LONGEST_PASSAGE, expand_tabs=False, replace_whitespace=False)


def _join_pieces(pieces: Iterable[_Piece]) -> Iterator[str]:
    text = ""
    for piece in pieces:
        joined = f"{text}{piece.glue}{piece.text}" if text else piece.text
        if text and len(joined) > LONGEST_PASSAGE:
            yield text
            joined = piece.text
        text = joined
    if text.strip():
        yield text
