"""Tables of the knowledge base."""

from datetime import datetime

from sqlalchemy import Computed, ForeignKey, Index, LargeBinary, Text, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import ARRAY, TSVECTOR
from sqlalchemy.orm import Mapped, deferred, mapped_column

from seedx_server.infrastructure.database.engine import Identified, Timestamped

# The migration needs the extension pg_trgm, which ships with PostgreSQL.
SEARCH_CONFIGURATION = "english"
"""PostgreSQL's text search configuration, which stems the words of articles and questions."""

SPELLED = ("heading", "subject", "text")
"""The columns of a passage that are searched for the intended word when one is mistyped."""


def _weighted(column: str, weight: str) -> str:
    return f"setweight(to_tsvector('{SEARCH_CONFIGURATION}', {column}), '{weight}')"


class Article(Timestamped, Identified):
    """One page of the knowledge base. `version` counts its changes."""

    __tablename__ = "articles"

    slug: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    content: Mapped[str]
    tags: Mapped[list[str]] = mapped_column(ARRAY(Text))
    version: Mapped[int] = mapped_column(default=1, server_default=text("1"))
    content_hash: Mapped[bytes] = mapped_column(LargeBinary)
    updated_by: Mapped[int] = mapped_column(ForeignKey("users.id"))
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Passage(Identified):
    """The part of an article under one heading, which search finds and answers quote.

    `subject` is the article's title and tags, kept here so that they count in the search.
    """

    __tablename__ = "passages"

    article_id: Mapped[int] = mapped_column(ForeignKey("articles.id", ondelete="CASCADE"))
    position: Mapped[int]
    subject: Mapped[str]
    heading: Mapped[str]
    text: Mapped[str]
    search: Mapped[str] = deferred(
        mapped_column(
            TSVECTOR,
            Computed(
                " || ".join(
                    (_weighted("heading", "A"), _weighted("subject", "B"), _weighted("text", "D"))
                ),
                persisted=True,
            ),
        ),
        raiseload=True,
    )

    __table_args__ = (
        UniqueConstraint("article_id", "position"),
        Index(None, "search", postgresql_using="gin"),
        Index(
            None,
            *SPELLED,
            postgresql_using="gin",
            postgresql_ops=dict.fromkeys(SPELLED, "gin_trgm_ops"),
        ),
    )
