"""Limits, scores and schemas of the knowledge base: pure."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from seedx_server.infrastructure.schemas import StrictBody
from seedx_server.infrastructure.text import distinct, plain

LONGEST_SLUG = 200
SLUG_PATTERN = r"^[a-z0-9]+([-/][a-z0-9]+)*$"
MOST_TAGS = 20
LONGEST_SEARCH = 1_000
"""The most characters of a question that are searched for; more would block the event loop."""

HALF_FIT = 0.5
"""The fit at which it is as likely as not that a right passage is among the best three."""
ANSWERS_FROM = 0.25
"""The lowest score at which the best passage is worth quoting.

Measured with `python -m benchmarks.retrieval`: a higher threshold misses more answers, a lower one
gives more false ones.
"""


SearchText = Annotated[str, StringConstraints(max_length=LONGEST_SEARCH)]
Title = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=200), AfterValidator(plain)
]
Content = Annotated[str, StringConstraints(max_length=100_000), AfterValidator(plain)]
Tag = Annotated[str, StringConstraints(strip_whitespace=True, max_length=50), AfterValidator(plain)]
Tags = Annotated[list[Tag], Field(max_length=MOST_TAGS), AfterValidator(distinct)]


class NewArticle(StrictBody):
    """Request body for writing an article."""

    title: Title
    content: Content = Field(description="Markdown.")
    tags: Tags = Field(default_factory=list)


class ArticleSummary(BaseModel):
    """An article as lists show it."""

    slug: str
    title: str
    tags: list[str]
    version: int
    created_at: datetime
    updated_at: datetime
    url: str


class ArticleDocument(ArticleSummary):
    """An article as the API shows it."""

    content: str


class FoundArticle(ArticleSummary):
    """An article that a search found, with its best passage."""

    heading: str = Field(description='The heading of the passage, or "" for the opening.')
    snippet: str = Field(description="The beginning of the passage.")
    score: float = Field(description="How well the passage fits, from 0 to 1.")


class ArticlePage(BaseModel):
    """A page of articles in the order of their slugs, or search results, best first."""

    items: list[FoundArticle | ArticleSummary]
    next_cursor: str | None = Field(
        description="Where the next page starts; null on the last page and for a search."
    )


def score_of(fit: float) -> float:
    """Return the score of a passage, from 0 to 1: about how likely it answers the question.

    The curve is the logistic function of the logarithm of the fit, approximating what the tuning
    half of the benchmark gives: slope 2.1, midpoint 0.5.

    Args:
        fit: How well a passage covers a question: for each concept, its rarity times the prominence
            of its place; summed, times the share of concepts that the passage contains.
    """
    return fit**2 / (fit**2 + HALF_FIT**2)
