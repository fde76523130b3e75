"""seedx kb search: find the articles that match some words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from seedx_cli.context import Context
from seedx_cli.parsing.command import Command, command_app, context_of
from seedx_cli.terminal.fitting import shortened, wrapped
from seedx_cli.terminal.safe_text import safe_line
from seedx_cli.terminal.tables import Column

if TYPE_CHECKING:
    from seedx_cli.client.documents import Article

_INDENT = "  "
_SNIPPET_ROWS = 2


@dataclass(frozen=True)
class SearchOptions:
    """What to look for."""

    words: str


def run(options: SearchOptions, context: Context) -> None:
    """Show the articles that match, the best first."""
    page = context.api.articles.list(q=options.words)
    io = context.io
    if io.json:
        io.document(page)
    elif not io.is_terminal or not page["items"]:
        columns = [Column("SLUG", style="bold"), *map(Column, ("TITLE", "HEADING", "SNIPPET"))]
        rows = [_cells(article) for article in page["items"]]
        io.table(columns, rows, empty="No article matches.")
    else:
        for article in page["items"]:
            slug, title, heading, snippet = (safe_line(cell) for cell in _cells(article))
            under = f", {heading}" if heading and heading != title else ""
            io.line(f"{io.style(slug, 'bold')}  {title}{under}")
            for row in _first_rows(snippet, io.width - len(_INDENT)):
                io.line(f"{_INDENT}{io.style(row, 'dim')}")


app = command_app()


@app.command(
    "search",
    cls=Command,
    epilog="""
    seedx kb search reset password
    seedx kb search backup --json | jq '.items[0].slug'
    """,
)
def search(
    typer_context: typer.Context,
    words: Annotated[list[str], typer.Argument(metavar="WORDS...", help="What to look for.")],
) -> None:
    """Find the articles that match some words."""
    run(SearchOptions(" ".join(words)), context_of(typer_context))


def _first_rows(snippet: str, width: int) -> list[str]:
    rows = wrapped(snippet, width) if snippet else []
    if len(rows) <= _SNIPPET_ROWS:
        return rows
    return [*rows[: _SNIPPET_ROWS - 1], shortened(rows[_SNIPPET_ROWS - 1] + " …", width)]


def _cells(article: Article) -> list[str]:
    fields = ("slug", "title", "heading", "snippet")
    return [str(article.get(field) or "") for field in fields]
