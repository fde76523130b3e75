"""seedx kb list: list the articles."""

from __future__ import annotations

import typer

from seedx_cli.context import Context
from seedx_cli.parsing.command import Command, command_app, context_of
from seedx_cli.terminal.tables import Column


def run(context: Context) -> None:
    """List the articles."""
    io = context.io
    articles = list(context.api.articles.all())
    if io.json:
        io.document({"items": articles, "next_cursor": None})
        return
    columns = [
        Column("SLUG", style="bold", flexible=True),
        Column("TITLE", flexible=True),
        Column("TAGS", flexible=True, optional=True),
        Column("UPDATED", optional=True),
    ]
    rows = [
        [
            article["slug"],
            article["title"],
            ", ".join(article["tags"]),
            io.time(article["updated_at"], context.now()),
        ]
        for article in articles
    ]
    io.table(columns, rows, empty="No articles yet. Import some: seedx kb import FOLDER")


app = command_app()


@app.command(
    "list",
    cls=Command,
    epilog="""
    seedx kb list
    seedx kb list | cut -f1
    """,
)
def list_(typer_context: typer.Context) -> None:
    """List the articles."""
    run(context_of(typer_context))
