"""The knowledge base: kb import, list, show and search."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from seedx_cli.client.documents import Article
from seedx_cli.context import Context
from seedx_cli.parsing.command import Command, command_group, context_of
from seedx_cli.terminal.fitting import shortened, wrapped
from seedx_cli.terminal.safe_text import safe, safe_line
from seedx_cli.terminal.tables import Column

app = command_group("Read and fill the knowledge base.")

_INDENT = "  "
_SNIPPET_ROWS = 2


@dataclass(frozen=True)
class ImportOptions:
    """What to import; `prune` removes the articles that are not among it."""

    paths: tuple[Path, ...]
    prune: bool = False


@dataclass(frozen=True)
class Imported:
    """What an import did, by slug."""

    created: list[str]
    changed: list[str]
    unchanged: list[str]
    removed: list[str]


def run_import(options: ImportOptions, context: Context) -> None:
    """Write Markdown files into the knowledge base."""
    done = import_articles(options, context)
    io = context.io
    if io.json:
        io.document(vars(done))
        return
    for word, slugs in vars(done).items():
        if word != "unchanged":
            for slug in slugs:
                shown = safe_line(slug)
                io.line(f"{word}\t{shown}" if not io.is_terminal else f"{word:<9} {shown}")
    counts = ", ".join(f"{len(slugs)} {word}" for word, slugs in vars(done).items() if slugs)
    io.note(f"Knowledge base: {counts}.")


def import_articles(options: ImportOptions, context: Context) -> Imported:
    """Send what is new or different; the same files again change nothing."""
    from seedx_cli.commands.kb.files import read_all

    articles = read_all(options.paths)
    known = {article["slug"]: article for article in context.api.articles.all()}
    done = Imported([], [], [], [])
    for article in articles:
        stored, is_new = context.api.articles.put(
            article.slug, article.title, article.content, tags=article.tags
        )
        before = known.get(article.slug)
        if is_new:
            done.created.append(article.slug)
        elif before is not None and before["version"] == stored["version"]:
            done.unchanged.append(article.slug)
        else:
            done.changed.append(article.slug)
    if options.prune:
        for slug in sorted(known.keys() - {article.slug for article in articles}):
            context.api.articles.delete(slug)
            done.removed.append(slug)
    return done


def run_list(context: Context) -> None:
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


def run_show(slug: str, context: Context) -> None:
    """Show an article: its Markdown, drawn on a terminal."""
    article = context.api.articles.show(slug)
    io = context.io
    if io.json:
        io.document(article)
        return
    content = article.get("content", "")
    if io.is_terminal:
        from seedx_cli.markdown.drawing import markdown

        io.page(markdown(content, io, io.width), context.config.get("pager"))
    else:
        io.stdout.write(safe(content if content.endswith("\n") else content + "\n"))


def run_search(words: str, context: Context) -> None:
    """Show the articles that fit some words, the best first."""
    page = context.api.articles.list(q=words)
    io = context.io
    if io.json:
        io.document(page)
    elif not io.is_terminal or not page["items"]:
        columns = [
            Column("SLUG", style="bold"),
            Column("TITLE"),
            Column("SECTION"),
            Column("SNIPPET"),
        ]
        io.table(columns, [_found(article) for article in page["items"]], empty="No article fits.")
    else:
        for article in page["items"]:
            slug, title, heading, snippet = (safe_line(part) for part in _found(article))
            under = f", {heading}" if heading and heading != title else ""
            io.line(f"{io.style(slug, 'bold')}  {title}{under}")
            for row in _beginning(snippet, io.width - len(_INDENT)):
                io.line(f"{_INDENT}{io.style(row, 'dim')}")


@app.command(
    "import",
    cls=Command,
    epilog="""
    seedx kb import docs/
    seedx kb import faq.md prices.md --json
    """,
)
def import_(
    typer_context: typer.Context,
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files and folders.")],
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove every article that is not among them.")
    ] = False,
) -> None:
    """Write Markdown files into the knowledge base (staff).

    A file may begin with YAML front matter: title and tags. Its slug comes from its path. Importing
    again updates what changed and leaves the rest.
    """
    run_import(ImportOptions(tuple(paths), prune), context_of(typer_context))


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
    run_list(context_of(typer_context))


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
    run_show(slug, context_of(typer_context))


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
    """Find the articles that fit some words."""
    run_search(" ".join(words), context_of(typer_context))


def _beginning(snippet: str, width: int) -> list[str]:
    """The first rows of a snippet."""
    rows = wrapped(snippet, width) if snippet else []
    if len(rows) <= _SNIPPET_ROWS:
        return rows
    return [*rows[: _SNIPPET_ROWS - 1], shortened(rows[_SNIPPET_ROWS - 1] + " …", width)]


def _found(article: Article) -> list[str]:
    fields = ("slug", "title", "heading", "snippet")
    return [str(article.get(field) or "") for field in fields]
