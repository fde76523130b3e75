"""seedx kb import: import Markdown files into the knowledge base."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from seedx_cli.context import Context
from seedx_cli.parsing.command import Command, command_app, context_of
from seedx_cli.terminal.safe_text import safe_line


@dataclass(frozen=True)
class ImportOptions:
    """What to import; `prune` removes the articles that are not among the files."""

    paths: tuple[Path, ...]
    prune: bool = False


@dataclass(frozen=True)
class Imported:
    """What an import did, by slug."""

    created: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)


def run(options: ImportOptions, context: Context) -> None:
    """Import the files."""
    done = _import(options, context)
    io = context.io
    if io.json:
        io.document(vars(done))
        return
    for word, slugs in vars(done).items():
        if word != "unchanged":
            for slug in slugs:
                shown = safe_line(slug)
                io.line(f"{word:<9} {shown}" if io.is_terminal else f"{word}\t{shown}")
    counts = ", ".join(f"{len(slugs)} {word}" for word, slugs in vars(done).items() if slugs)
    io.note(f"Knowledge base: {counts}.")


app = command_app()


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
        bool, typer.Option("--prune", help="Remove every article that is not among the files.")
    ] = False,
) -> None:
    """Import Markdown files into the knowledge base (staff).

    A file may begin with YAML front matter: title and tags. Its slug comes from its path. Importing
    again updates what has changed and leaves the rest alone.
    """
    run(ImportOptions(tuple(paths), prune), context_of(typer_context))


def _import(options: ImportOptions, context: Context) -> Imported:
    """Send every file; the server keeps the version of an article that has not changed."""
    from seedx_cli.knowledge.files import read_all

    articles = read_all(options.paths)
    known = {article["slug"]: article for article in context.api.articles.all()}
    done = Imported()
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
