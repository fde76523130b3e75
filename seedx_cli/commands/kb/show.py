"""seedx kb show: show an article."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from seedx_cli.context import Context
from seedx_cli.parsing.command import Command, command_app, context_of
from seedx_cli.terminal.safe_text import safe


@dataclass(frozen=True)
class ShowOptions:
    """Which article to show."""

    slug: str


def run(options: ShowOptions, context: Context) -> None:
    """Show the article: its Markdown, drawn on a terminal."""
    article = context.api.articles.show(options.slug)
    io = context.io
    if io.json:
        io.document(article)
        return
    content = article.get("content", "")
    if io.is_terminal:
        from seedx_cli.markdown.drawing import markdown

        io.page(markdown(content, io, io.width), context.config.pager)
    else:
        io.stdout.write(safe(content if content.endswith("\n") else content + "\n"))


app = command_app()


@app.command(
    "show",
    cls=Command,
    epilog="""
    seedx kb show getting-started
    seedx kb show getting-started > getting-started.md
    """,
)
def show(
    typer_context: typer.Context,
    slug: Annotated[str, typer.Argument(metavar="SLUG", help="The article's name.")],
) -> None:
    """Show an article."""
    run(ShowOptions(slug), context_of(typer_context))
