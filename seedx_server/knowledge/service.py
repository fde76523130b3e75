"""Rules of the knowledge base."""

import asyncio
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from seedx_server.infrastructure.access import Actor
from seedx_server.infrastructure.database.engine import Session
from seedx_server.infrastructure.database.repository import Page
from seedx_server.infrastructure.errors import Forbidden, PreconditionFailed, existing
from seedx_server.knowledge.core import NewArticle
from seedx_server.knowledge.models import Article
from seedx_server.knowledge.passages import split_into_passages
from seedx_server.knowledge.questions import concepts_of
from seedx_server.knowledge.repository import ArticleRepository, FoundPassage

LIST_ARTICLES = "List the articles with: seedx kb list"


@dataclass(frozen=True, slots=True)
class Stored:
    """The result of writing an article.

    Attributes:
        article: The article as it is now.
        is_new: Whether it was created.
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

    async def page(self, actor: Actor, limit: int, cursor: str | None = None) -> Page[Article]:
        """Return a page of articles in the order of their slugs, without their content."""
        return await self._articles.page(actor=actor, limit=limit, cursor=cursor)

    async def get(self, slug: str, actor: Actor) -> Article:
        """Return an article.

        Raises:
            NotFound: There is none with this slug.
        """
        article = await self._articles.by_slug(slug, actor=actor)
        return existing(article, f"article {slug!r}", LIST_ARTICLES)

    async def put(
        self, slug: str, wanted: NewArticle, actor: Actor, expected_version: int | None = None
    ) -> Stored:
        """Create or replace an article. Its version stays the same if nothing changes.

        Args:
            slug: The article's slug, which matches `core.SLUG_PATTERN`.
            wanted: Its new content.
            actor: The author of the change.
            expected_version: The version that it must have now, or None for any.

        Raises:
            Forbidden: The actor is not staff.
            PreconditionFailed: The article has another version.
        """
        _require_staff(actor)
        row = _row(slug, wanted, actor)
        article = await self._articles.lock_by_slug(slug, actor=actor)
        if article is None and expected_version is None:
            created = await self._articles.add_unless_taken(row)
            if created is not None:
                await self._replace_passages(created)
                return Stored(created, is_new=True)
            # Somebody else created it in the meantime.
            article = await self._articles.lock_by_slug(slug, actor=actor)
        if article is None:
            raise PreconditionFailed(f"There is no article {slug!r} any more.")
        _require_version(article, expected_version)
        if article.content_hash != row.content_hash:
            article = await self._articles.rewrite(article, row)
            await self._replace_passages(article)
        return Stored(article, is_new=False)

    async def delete(self, slug: str, actor: Actor, expected_version: int | None = None) -> None:
        """Delete an article.

        Raises:
            Forbidden: The actor is not staff.
            NotFound: There is none with this slug.
            PreconditionFailed: The article has another version.
        """
        _require_staff(actor)
        article = await self._articles.lock_by_slug(slug, actor=actor)
        article = existing(article, f"article {slug!r}", LIST_ARTICLES)
        _require_version(article, expected_version)
        await self._articles.remove(article)

    async def search(
        self, query: str, limit: int, actor: Actor, *, one_per_article: bool = False
    ) -> Sequence[FoundPassage]:
        """Return the passages that fit a question best.

        Args:
            query: A question or message in everyday words; any text is valid.
            limit: The most passages to return.
            actor: The reader.
            one_per_article: Return only the best passage of each article.
        """
        return await self._articles.search(
            concepts_of(query), actor=actor, limit=limit, one_per_article=one_per_article
        )

    async def _replace_passages(self, article: Article) -> None:
        # Parsing 100,000 characters of hostile Markdown takes half a second.
        passages = await asyncio.to_thread(split_into_passages, article.content)
        await self._articles.replace_passages(article, passages)


def knowledge_service(session: Session) -> KnowledgeService:
    """Return the service that works in a session's transaction."""
    return KnowledgeService(ArticleRepository(session))


def _row(slug: str, wanted: NewArticle, actor: Actor) -> Article:
    content = json.dumps([wanted.title, wanted.content, wanted.tags])
    return Article(
        slug=slug,
        title=wanted.title,
        content=wanted.content,
        tags=wanted.tags,
        content_hash=hashlib.sha256(content.encode()).digest(),
        updated_by=actor.id,
    )


def _require_staff(actor: Actor) -> None:
    if not actor.is_staff:
        raise Forbidden("Only agents and admins may change the knowledge base.")


def _require_version(article: Article, expected: int | None) -> None:
    if expected is not None and article.version != expected:
        raise PreconditionFailed(
            f"The article {article.slug!r} changed since you read it. Read it again, then decide."
        )
