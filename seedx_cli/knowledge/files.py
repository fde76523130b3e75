"""Markdown files read as articles: front matter, titles, slugs."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from seedx_cli.errors import UsageError

SUFFIXES = {".md", ".markdown"}
_FENCE = "---"


@dataclass(frozen=True)
class ArticleFile:
    """A Markdown file as an article.

    Attributes:
        file: Where it is.
        slug: Its name in the knowledge base, from its path.
        title: From the front matter, else the first heading, else the file's name.
        content: The Markdown without front matter.
        tags: From the front matter.
    """

    file: Path
    slug: str
    title: str
    content: str
    tags: tuple[str, ...]


def read_all(paths: Sequence[Path]) -> list[ArticleFile]:
    """Read files, and every Markdown file in folders.

    Raises:
        UsageError: A path does not exist, a file cannot be read as an article, or two files would
            get the same slug.
    """
    articles: dict[str, ArticleFile] = {}
    for file, name in _files(paths):
        article = read(file, name)
        other = articles.setdefault(article.slug, article)
        if other is not article:
            raise UsageError(f"{file} and {other.file} would both be {article.slug!r}")
    return list(articles.values())


def read(file: Path, name: Path) -> ArticleFile:
    """Read one file; `name` is the path that its slug is made of.

    Raises:
        UsageError: It is not text in UTF-8, has no content, or its front matter is not a mapping.
    """
    try:
        text = file.read_text("utf-8-sig")
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is not text in UTF-8") from error
    matter, content = _split(text, file)
    if not content.strip():
        raise UsageError(f"{file} has no content")
    slug = slug_of(name)
    if not slug:
        raise UsageError(f"No slug can be made from the name of {file}", hint="Rename the file")
    title = matter.get("title") or _first_heading(content) or name.stem
    return ArticleFile(file, slug, str(title), content.strip() + "\n", _tags(matter, file))


def slug_of(name: Path) -> str:
    """Return the slug of a path: `Billing/Späte Zahlung.md` becomes `billing-spaete-zahlung`."""
    text = str(name.with_suffix("")).casefold()
    for umlaut, letters in (("ä", "ae"), ("ö", "oe"), ("ü", "ue")):
        text = text.replace(umlaut, letters)
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", ascii_text).strip("-")


def _files(paths: Sequence[Path]) -> Iterator[tuple[Path, Path]]:
    for path in paths:
        if path.is_dir():
            found = sorted(file for file in path.rglob("*") if _is_article(file, path))
            if not found:
                raise UsageError(f"There is no Markdown file in {path}")
            yield from ((file, file.relative_to(path)) for file in found)
        elif path.exists():
            yield path, Path(path.name)
        else:
            raise UsageError(f"There is no file or folder {path}")


def _is_article(file: Path, root: Path) -> bool:
    hidden = any(part.startswith(".") for part in file.relative_to(root).parts)
    return file.suffix.lower() in SUFFIXES and file.is_file() and not hidden


def _split(text: str, file: Path) -> tuple[dict[str, object], str]:
    """Separate the YAML front matter, if there is one, from the Markdown."""
    first, _, rest = text.partition("\n")
    if first.rstrip() != _FENCE:
        return {}, text
    lines = rest.split("\n")
    end = next((i for i, line in enumerate(lines) if line.rstrip() == _FENCE), None)
    if end is None:
        return {}, text
    import yaml

    try:
        matter = yaml.safe_load("\n".join(lines[:end])) or {}
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        # The front matter begins in the file's second line; YAML counts from 0.
        line = f", line {where.line + 2}" if where else ""
        raise UsageError(f"The front matter of {file} is not YAML{line}") from error
    if not isinstance(matter, dict):
        raise UsageError(f"The front matter of {file} is not a mapping, such as `title: …`")
    return {str(key).lower(): value for key, value in matter.items()}, "\n".join(lines[end + 1 :])


def _first_heading(content: str) -> str | None:
    found = re.search(r"^#[ \t]+(.+?)[ \t]*#*$", content, re.MULTILINE)
    return found.group(1) if found else None


def _tags(matter: dict[str, object], file: Path) -> tuple[str, ...]:
    tags = matter.get("tags") or []
    if isinstance(tags, str):
        return tuple(tag.strip() for tag in tags.split(",") if tag.strip())
    if not isinstance(tags, list):
        raise UsageError(f"`tags` in {file} is not a list")
    return tuple(str(tag) for tag in tags)
