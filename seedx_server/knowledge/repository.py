"""Queries over articles and their passages."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files

from sqlalchemy import Double, Integer, Select, Subquery, column, delete, func, select, text
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import defer

from seedx_server.infrastructure.access import Actor
from seedx_server.infrastructure.database.cursor import decode_cursor, encode_cursor
from seedx_server.infrastructure.database.repository import Page, SqlRepository
from seedx_server.knowledge.core import score_of
from seedx_server.knowledge.models import Article, Passage
from seedx_server.knowledge.passages import PassageText
from seedx_server.knowledge.questions import Concept

# Measured with `python -m benchmarks.retrieval`, on its tuning half.
SYNONYM_WEIGHT = 0.8
FIELD_WEIGHTS = [0.4, 0.0, 0.8, 1.0]
"""The weights D to A of a word: in the text, (unused), in title and tags, in the heading."""
SIMILAR_WEIGHT = 0.8
FEWEST_PASSAGES = 100
MOST_CONCEPTS_NEEDED = 8

SEARCH = text((files("seedx_server.knowledge") / "search.sql").read_text("utf-8")).columns(
    column("id", Integer), column("fit", Double)
)


@dataclass(frozen=True, slots=True)
class FoundPassage:
    """A passage that a search found.

    Attributes:
        article: Its article, without the content.
        heading: The heading above it, or "" for the article's opening.
        text: Its Markdown.
        fit: How well it covers the question, 0 or more; see `score_of`.
    """

    article: Article
    heading: str
    text: str
    fit: float

    @property
    def score(self) -> float:
        """How well it fits, from 0 to 1."""
        return score_of(self.fit)


class ArticleRepository(SqlRepository[Article]):
    """Articles: everybody who is signed in sees all of them."""

    model = Article

    def visible_to(self, actor: Actor) -> Select[Article]:  # noqa: ARG002  # the same for all
        """Return the query of all articles."""
        return select(Article)

    async def by_slug(self, slug: str, *, actor: Actor) -> Article | None:
        """Return an article, or None if there is none with this slug."""
        return await self.session.scalar(self.visible_to(actor).where(Article.slug == slug))

    async def lock_by_slug(self, slug: str, *, actor: Actor) -> Article | None:
        """Return an article as `by_slug` does, locked until the commit."""
        return await self.session.scalar(
            self.visible_to(actor).where(Article.slug == slug).with_for_update()
        )

    async def page(self, *, actor: Actor, limit: int, cursor: str | None = None) -> Page[Article]:
        """Return a page of the articles by slug, without their content.

        Raises:
            InvalidInput: The cursor is not one that this list returned.
        """
        statement = self.visible_to(actor).options(defer(Article.content, raiseload=True))
        if cursor is not None:
            statement = statement.where(Article.slug > decode_cursor(cursor, str)[0])
        rows = (await self.session.scalars(statement.order_by(Article.slug).limit(limit + 1))).all()
        more = len(rows) > limit
        return Page(rows[:limit], encode_cursor(rows[limit - 1].slug) if more else None)

    async def add_unless_taken(self, row: Article) -> Article | None:
        """Write a new article, or return None if its slug is taken."""
        return await self.session.scalar(
            insert(Article)
            .values(
                slug=row.slug,
                title=row.title,
                content=row.content,
                tags=row.tags,
                content_hash=row.content_hash,
                updated_by=row.updated_by,
            )
            .on_conflict_do_nothing(index_elements=[Article.slug])
            .returning(Article)
        )

    async def rewrite(self, article: Article, row: Article) -> Article:
        """Give a locked article the content of another row and a new version and time of change."""
        article.title, article.content, article.tags = row.title, row.content, row.tags
        article.content_hash, article.updated_by = row.content_hash, row.updated_by
        article.version += 1
        article.updated_at = func.now()
        await self.session.flush()
        await self.session.refresh(article, ["updated_at"])
        return article

    async def replace_passages(self, article: Article, passages: Sequence[PassageText]) -> None:
        """Replace an article's passages."""
        await self.session.execute(delete(Passage).where(Passage.article_id == article.id))
        subject = " ".join([article.title, *article.tags])
        await self.session.execute(
            insert(Passage),
            [
                {
                    "article_id": article.id,
                    "position": position,
                    "subject": subject,
                    "heading": passage.heading,
                    "text": passage.text,
                }
                for position, passage in enumerate(passages)
            ],
        )

    async def remove(self, article: Article) -> None:
        """Delete an article with its passages."""
        await self.session.delete(article)
        await self.session.flush()

    async def search(
        self,
        concepts: Sequence[Concept],
        *,
        actor: Actor,
        limit: int,
        one_per_article: bool = False,
    ) -> Sequence[FoundPassage]:
        """Return the passages that cover a question best, best first, with one query.

        Args:
            concepts: The concepts of the question.
            actor: The reader.
            limit: The most passages to return.
            one_per_article: Return only the best passage of each article.
        """
        found = _search(concepts)
        if one_per_article:
            found = _best_of_each_article(found)
        statement = (
            self.visible_to(actor)
            .add_columns(Passage.heading, Passage.text, found.c.fit)
            .options(defer(Article.content, raiseload=True))
            .join(Passage, Passage.article_id == Article.id)
            .join(found, found.c.id == Passage.id)
            .order_by(found.c.fit.desc(), Passage.id)
            .limit(limit)
        )
        rows = await self.session.execute(statement)
        return [FoundPassage(*row) for row in rows]


def _search(concepts: Sequence[Concept]) -> Subquery:
    phrases = [
        (number, words, weight)
        for number, concept in enumerate(concepts)
        for words, weight in _phrases(concept)
    ]
    return SEARCH.bindparams(
        concepts=[number for number, _, _ in phrases],
        phrases=[words for _, words, _ in phrases],
        weights=[weight for _, _, weight in phrases],
        field_weights=FIELD_WEIGHTS,
        similar=SIMILAR_WEIGHT,
        fewest_passages=FEWEST_PASSAGES,
        most_concepts=MOST_CONCEPTS_NEEDED,
    ).subquery("found")


def _phrases(concept: Concept) -> Iterator[tuple[str, float]]:
    yield concept.words, 1.0
    for synonym in concept.synonyms:
        yield synonym, SYNONYM_WEIGHT


def _best_of_each_article(found: Subquery) -> Subquery:
    return (
        select(Passage.id, found.c.fit)
        .join(found, found.c.id == Passage.id)
        .ext(distinct_on(Passage.article_id))
        .order_by(Passage.article_id, found.c.fit.desc(), Passage.id)
        .subquery("best")
    )
