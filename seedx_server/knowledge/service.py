"""Rules of the knowledge base."""

import builtins
import hashlib
import json
from dataclasses import dataclass

from seedx_server.infrastructure.access import Actor
from seedx_server.infrastructure.database.repository import Page
from seedx_server.infrastructure.errors import Forbidden, NotFound, PreconditionFailed
from seedx_server.knowledge.core import NewArticle, PassageHit, score_of
from seedx_server.knowledge.models import Article
from seedx_server.knowledge.passages import split_into_passages
from seedx_server.knowledge.questions import concepts_of
from seedx_server.knowledge.repository import ArticleRepository, Match


@dataclass(frozen=True, slots=True)
class Stored:
    """What a write left behind.

    Attributes:
        article: The article as it is now.
        is_new: Whether there was none before.
    """

    article: Article
    is_new: bool


class KnowledgeService:
    """The knowledge base.

    Args:
        articles: The articles.
    """

    def __init__(self, articles: ArticleRepository) -> None:
        self._articles = articles

    async def list(self, actor: Actor, limit: int, cursor: str | None = None) -> Page[Article]:
        """Return a page of the articles by slug, without their content."""
        return await self._articles.list(actor=actor, limit=limit, cursor=cursor)

    async def get(self, slug: str, actor: Actor) -> Article:
        """Return an article.

        Raises:
            NotFound: There is none with this slug.
        """
        return _there(await self._articles.by_slug(slug, actor=actor), slug)

    async def put(
        self, slug: str, wanted: NewArticle, actor: Actor, expected_version: int | None = None
    ) -> Stored:
        """Write an article. One that says the same already is left as it is.

        Args:
            slug: The article's slug, of the form `core.SLUG_PATTERN`.
            wanted: What it is to be.
            actor: Who writes.
            expected_version: The version it must have now, or None if any will do.

        Raises:
            Forbidden: The actor is no staff.
            PreconditionFailed: The article has another version.
        """
        _require_staff(actor)
        row = _row(slug, wanted, actor)
        article = await self._articles.lock(slug, actor=actor)
        if article is None and expected_version is None:
            created = await self._articles.add_unless_there(row)
            if created is not None:
                await self._articles.replace_passages(created, split_into_passages(row.content))
                return Stored(created, is_new=True)
            # Somebody else wrote it since the look.
            article = await self._articles.lock(slug, actor=actor)
        if article is None:
            raise PreconditionFailed(f"There is no article {slug!r} now.")
        _require_version(article, expected_version)
        if article.content_hash != row.content_hash:
            article = await self._articles.rewrite(article, row)
            await self._articles.replace_passages(article, split_into_passages(row.content))
        return Stored(article, is_new=False)

    async def delete(self, slug: str, actor: Actor, expected_version: int | None = None) -> None:
        """Remove an article.

        Raises:
            Forbidden: The actor is no staff.
            NotFound: There is none with this slug.
            PreconditionFailed: The article has another version.
        """
        _require_staff(actor)
        article = _there(await self._articles.lock(slug, actor=actor), slug)
        _require_version(article, expected_version)
        await self._articles.remove(article)

    async def search(self, query: str, limit: int, actor: Actor) -> builtins.list[PassageHit]:
        """Return the passages that fit a question best.

        Args:
            query: A question or message as people write it; any text will do.
            limit: The most passages to return.
            actor: Who asks.
        """
        matches = await self._articles.matches(concepts_of(query), actor=actor, limit=limit)
        return [
            PassageHit(
                slug=match.article.slug,
                title=match.article.title,
                heading=match.passage.heading,
                text=match.passage.text,
                score=score_of(match.fit),
            )
            for match in matches
        ]

    async def search_articles(self, query: str, limit: int, actor: Actor) -> builtins.list[Match]:
        """Return the articles that fit a question best, each with its best passage."""
        concepts = concepts_of(query)
        found = await self._articles.matches(
            concepts, actor=actor, limit=limit, one_an_article=True
        )
        return [*found]


def _row(slug: str, wanted: NewArticle, actor: Actor) -> Article:
    said = json.dumps([wanted.title, wanted.content, wanted.tags])
    return Article(
        slug=slug,
        title=wanted.title,
        content=wanted.content,
        tags=wanted.tags,
        content_hash=hashlib.sha256(said.encode()).digest(),
        updated_by=actor.id,
    )


def _there(article: Article | None, slug: str) -> Article:
    if article is None:
        raise NotFound(f"There is no article {slug!r}. See which there are: seedx kb list")
    return article


def _require_staff(actor: Actor) -> None:
    if not actor.is_staff:
        raise Forbidden("Only agents and admins may change the knowledge base.")


def _require_version(article: Article, expected: int | None) -> None:
    if expected is not None and article.version != expected:
        raise PreconditionFailed(
            f"The article {article.slug!r} was changed meanwhile. Read it again and decide anew."
        )
