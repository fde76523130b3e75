"""Markdown drawn as rows of a terminal.

Rich's own Markdown centres titles, pads code, and lets links and entities through unchecked. Here
all text is made safe after parsing, and a row ends where its text ends.
"""

from __future__ import annotations

from collections.abc import Sequence

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.text import Text

from seedx_cli.markdown import style as styles
from seedx_cli.markdown.code import Highlighter
from seedx_cli.markdown.row import Row, drawn
from seedx_cli.markdown.table import table_rows
from seedx_cli.terminal.safe_text import link_target, safe, safe_line, safe_link, safe_segments

References = dict[str, object]

# Fewer columns than this leave no room for words.
_NARROWEST = 10
_LONGEST_RULE = 60
_DEEPEST = 50
_STYLES = {"p": styles.PLAIN, "h1": styles.TITLE, "h2": styles.SECTION}
_INLINE = {"strong": styles.STRONG, "em": styles.EMPHASIS, "s": styles.STRIKE}


def parser() -> MarkdownIt:
    """Return a parser of CommonMark with tables and strikethrough; HTML is plain text to it."""
    markdown = MarkdownIt("commonmark", {"html": False, "maxNesting": _DEEPEST})
    return markdown.enable(["table", "strikethrough"])


def code_header(language: str) -> Row:
    """Return the row above a piece of code, which has no frame, so that it can be copied."""
    return [Segment(f"── {safe_line(language) or 'code'}", styles.FAINT)]


class Renderer:
    """Draws whole blocks of Markdown.

    Args:
        console: Whose colours and measures apply.
        hyperlinks: Whether the terminal opens links by itself (OSC 8); else whole addresses are
            shown.
    """

    def __init__(self, console: Console, *, hyperlinks: bool) -> None:
        self._console = console
        self._hyperlinks = hyperlinks
        self._parser = parser()

    def rows(
        self, source: str, references: References, *, width: int, number: int | None = None
    ) -> list[Row]:
        """Draw Markdown.

        Args:
            source: Whole blocks of Markdown.
            references: Link definitions known so far; those in the source are added.
            width: Columns of the terminal.
            number: The number of the first list item, where it continues a list.

        Returns:
            Rows without trailing blanks. A line of code is one row, however long.
        """
        tokens = self._parser.parse(source, {"references": references})
        rows = self._blocks(SyntaxTreeNode(tokens).children, width, number=number)
        return [list(safe_segments(row)) for row in rows]

    def _blocks(
        self,
        nodes: Sequence[SyntaxTreeNode],
        width: int,
        *,
        tight: bool = False,
        number: int | None = None,
    ) -> list[Row]:
        rows: list[Row] = []
        for node in nodes:
            block = self._block(node, max(width, _NARROWEST), number)
            if rows and block and not tight:
                rows.append([])
            rows += block
        return rows

    def _block(self, node: SyntaxTreeNode, width: int, number: int | None) -> list[Row]:
        match node.type:
            case "paragraph" | "heading":
                style = _STYLES.get(node.tag, styles.SUBSECTION)
                return drawn(self._console, self._text(node, style), width)
            case "bullet_list" | "ordered_list":
                return self._list(node, width, number)
            case "blockquote":
                rows = self._blocks(node.children, width - 2)
                return _prefixed(rows, "▌ ", "▌ ")
            case "fence" | "code_block":
                return _code(node)
            case "table":
                return self._table(node, width)
            case "hr":
                return [[Segment("─" * min(width, _LONGEST_RULE), styles.FAINT)]]
            case kind:
                raise ValueError(f"Nothing draws this kind of block: {kind}")

    def _list(self, node: SyntaxTreeNode, width: int, number: int | None) -> list[Row]:
        start = int(node.attrs.get("start", 1)) if number is None else number
        rows: list[Row] = []
        for index, item in enumerate(node.children, start):
            label = f"{index}. " if node.type == "ordered_list" else "• "
            tight = all(child.hidden for child in item.children if child.type == "paragraph")
            block = self._blocks(item.children, width - len(label), tight=tight)
            if rows and not tight:
                rows.append([])
            rows += _prefixed(block or [[]], label, " " * len(label))
        return rows

    def _table(self, node: SyntaxTreeNode, width: int) -> list[Row]:
        header, *records = (
            [self._cell(cell) for cell in row.children]
            for part in node.children
            for row in part.children
        )
        return table_rows(self._console, header, records, width)

    def _cell(self, node: SyntaxTreeNode) -> Text:
        text = self._text(node)
        alignment = str(node.attrs.get("style", ""))
        text.justify = (
            "right" if "right" in alignment else "center" if "center" in alignment else "left"
        )
        return text

    def _text(self, node: SyntaxTreeNode, style: Style = styles.PLAIN) -> Text:
        text = Text(justify="left")
        for inline in node.children:
            for child in inline.children:
                self._inline(text, child, style)
        return text

    def _inline(self, text: Text, node: SyntaxTreeNode, style: Style) -> None:
        match node.type:
            case "softbreak":
                text.append(" ", style)
            case "hardbreak":
                text.append("\n", style)
            case "code_inline":
                text.append(safe_line(node.content), style + styles.CODE)
            case "link":
                self._link(text, node, str(node.attrs["href"]), style)
            case "image":
                text.append("image: ", style + styles.FAINT)
                self._link(text, node, str(node.attrs["src"]), style)
            case "strong" | "em" | "s":
                for child in node.children:
                    self._inline(text, child, style + _INLINE[node.type])
            case _:
                text.append(safe_line(node.content), style)

    def _link(self, text: Text, node: SyntaxTreeNode, address: str, style: Style) -> None:
        """Append a link's label, and its target unless the label already shows it."""
        url = safe_link(address) if self._hyperlinks else None
        start = len(text)
        for child in node.children:
            self._inline(text, child, style + styles.LINK + Style(link=url))
        target = link_target(address) if url else safe_line(address)
        label = text.plain[start:]
        if label.rstrip("/") not in {address.rstrip("/"), address.partition("://")[2], target}:
            text.append(f" ({target})", style + styles.FAINT)


def _code(node: SyntaxTreeNode) -> list[Row]:
    language = node.info.partition(" ")[0]
    highlighter = Highlighter(language)
    lines = safe(node.content).removesuffix("\n").split("\n")
    return [code_header(language), *map(highlighter.line, lines)]


def _prefixed(rows: list[Row], first: str, others: str) -> list[Row]:
    """Put one mark before the first row, and another before each further row."""
    return [_marked(row, others if index else first) for index, row in enumerate(rows)]


def _marked(row: Row, mark: str) -> Row:
    text = mark if row else mark.rstrip()
    return [Segment(text, styles.FAINT), *row] if text else []
