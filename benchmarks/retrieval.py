"""How well search finds the passages that answer questions about the handbook.

Run `python -m benchmarks.retrieval`. For each part of the questions it prints:

- recall@n: the share of questions with a right passage among the first n; MRR: the mean of one
  over the place of the first right passage;
- missed answers: answerable questions whose best passage scores below the threshold;
- false answers: unanswerable ones whose best passage scores above it. `near` questions are about
  support desks, `far` ones about anything else.

The same questions are then asked again, each inside the story of a ticket.
"""

import argparse
import asyncio
import contextlib
import itertools
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.resources import as_file, files
from pathlib import Path

import yaml
from pydantic import BaseModel, TypeAdapter
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from seedx_cli.knowledge.files import read_all
from seedx_server.ai.engine.grounding import ground, queries_of_ticket
from seedx_server.infrastructure.access import Actor, Role
from seedx_server.infrastructure.database.engine import make_engine, make_sessions
from seedx_server.infrastructure.database.migrate import upgrade
from seedx_server.infrastructure.embedded.server import EmbeddedPostgres
from seedx_server.knowledge.core import ANSWERS_FROM, NewArticle
from seedx_server.knowledge.questions import concepts_of
from seedx_server.knowledge.repository import ArticleRepository
from seedx_server.knowledge.service import KnowledgeService

QUESTIONS = Path(__file__).with_name("retrieval_questions.yaml")
DEEPEST = 20
TICKET_SEARCHES = ("whole text of a ticket", "what a ticket asks")
WEBSEARCH = """
    SELECT articles.slug, passages.heading, 0.0 AS score
    FROM websearch_to_tsquery('english', :query) AS query, passages
    JOIN articles ON articles.id = passages.article_id
    WHERE passages.search @@ query
    ORDER BY ts_rank_cd(passages.search, query) DESC, passages.id
    LIMIT :limit
"""


class Question(BaseModel):
    """A question and the passages, as `slug#heading`, any one of which answers it."""

    question: str
    answers: list[str]


class Half(BaseModel):
    """One half of the questions."""

    answerable: list[Question]
    unanswerable_near: list[str]
    unanswerable_far: list[str]


@dataclass(frozen=True)
class Found:
    """A passage that a search returned."""

    name: str
    score: float


Search = Callable[[str], Awaitable[Sequence[Found]]]


@dataclass(frozen=True)
class Answered:
    """An answerable question with what was found, best first."""

    question: Question
    found: Sequence[Found]

    @property
    def rank(self) -> int | None:
        """The place of the first right passage, from 1."""
        return next(
            (
                place
                for place, found in enumerate(self.found, 1)
                if found.name in self.question.answers
            ),
            None,
        )

    @property
    def best(self) -> float:
        """The score of the first passage."""
        return self.found[0].score if self.found else 0.0


async def main() -> None:
    """Load the handbook, ask the questions, print the figures."""
    arguments = _arguments()
    halves = TypeAdapter(dict[str, Half]).validate_python(yaml.safe_load(QUESTIONS.read_text()))
    with _database(arguments.database) as address:
        upgrade(address)
        engine = make_engine(address, 1)
        async with make_sessions(engine)() as session:
            # The transaction is never committed: nothing stays in a database that was named.
            actor = await _load_handbook(session)
            searches = _searches(session, actor)
            simpler = [name for name in searches if not name.endswith(TICKET_SEARCHES)]
            chosen = {
                name: searches[name] for name in (simpler if arguments.compare else ["search"])
            }
            for name, half in halves.items():
                print(f"\n{name}: {len(half.answerable)} questions")
                for title, search in chosen.items():
                    print(f"  {title:<26} {await _quality(half, search)}")
                print(f"  at score {ANSWERS_FROM}: {await _decisions(half, searches['search'])}")
                tickets = _in_tickets(half)
                for title in TICKET_SEARCHES:
                    search = searches[title]
                    print(f"  {title:<26} {await _quality(tickets, search)}")
                    print(f"  at score {ANSWERS_FROM}: {await _decisions(tickets, search)}")
            if arguments.misses:
                await _print_misses(halves["tuning"], searches["search"])
        await engine.dispose()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--database", help="postgresql://…; an embedded one by default")
    parser.add_argument("--compare", action="store_true", help="measure simpler searches too")
    parser.add_argument("--misses", action="store_true", help="show the tuning half's misses")
    return parser.parse_args()


@contextlib.contextmanager
def _database(named: str | None) -> Iterator[str]:
    if named is not None:
        yield named
        return
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder)) as server:
        yield server.url()


async def _load_handbook(session: AsyncSession) -> Actor:
    user = await session.scalar(
        text(
            "INSERT INTO users (name, email, password_hash, role) "
            "VALUES ('Benchmark', 'benchmark@seedx.invalid', '', 'agent') RETURNING id"
        )
    )
    await session.execute(text("DELETE FROM articles"))
    actor = Actor(id=int(user), role=Role.AGENT, name="Benchmark", session_id=0)
    service = KnowledgeService(ArticleRepository(session))
    with as_file(files("seedx_server") / "handbook") as folder:
        for file in read_all([folder]):
            article = NewArticle(title=file.title, content=file.content, tags=[*file.tags])
            await service.put(file.slug, article, actor)
    await session.execute(text("ANALYZE passages"))
    return actor


TITLE = "Help, please"
STORIES = (
    "Hello, we moved to SeedX last week and run it on two Linux machines. {}? Thanks, Ada",
    "{}? I tried it three times since yesterday, and we have a release on Friday.",
    "We are a small team of five developers. Everything else works fine so far. {}?",
)
"""Stories that people write around their question when they open a ticket."""


def _in_tickets(half: Half) -> Half:
    """Put each question into the story of a ticket."""
    stories = itertools.cycle(STORIES)

    def told(question: str) -> str:
        return next(stories).format(question.rstrip(".?"))

    return Half(
        answerable=[
            Question(question=told(asked.question), answers=asked.answers)
            for asked in half.answerable
        ],
        unanswerable_near=[told(question) for question in half.unanswerable_near],
        unanswerable_far=[told(question) for question in half.unanswerable_far],
    )


def _searches(session: AsyncSession, actor: Actor) -> dict[str, Search]:
    articles = ArticleRepository(session)

    async def websearch(query: str) -> Sequence[Found]:
        rows = await session.execute(text(WEBSEARCH), {"query": query, "limit": DEEPEST})
        return [Found(f"{row.slug}#{row.heading}", row.score) for row in rows]

    async def any_word(query: str) -> Sequence[Found]:
        return await websearch(" or ".join(concept.words for concept in concepts_of(query)))

    async def own_words(query: str) -> Sequence[Found]:
        return await matches(query, synonyms=False)

    async def matches(query: str, *, synonyms: bool = True) -> Sequence[Found]:
        concepts = concepts_of(query)
        if not synonyms:
            concepts = [replace(concept, synonyms=()) for concept in concepts]
        found = await articles.search(concepts, actor=actor, limit=DEEPEST)
        return [
            Found(f"{passage.article.slug}#{passage.heading}", passage.score) for passage in found
        ]

    async def whole_ticket(description: str) -> Sequence[Found]:
        return await matches(f"{TITLE}\n{description}")

    async def grounded_ticket(description: str) -> Sequence[Found]:
        queries = queries_of_ticket(TITLE, description)
        passages = await ground(KnowledgeService(articles), queries, actor, "/articles")
        return [Found(f"{each.slug}#{each.heading}", each.score) for each in passages]

    return {
        "all words, ts_rank_cd": websearch,
        "any word, ts_rank_cd": any_word,
        "search without synonyms": own_words,
        "search": matches,
        "whole text of a ticket": whole_ticket,
        "what a ticket asks": grounded_ticket,
    }


async def _ask(half: Half, search: Search) -> list[Answered]:
    return [Answered(question, await search(question.question)) for question in half.answerable]


async def _quality(half: Half, search: Search) -> str:
    ranks = [answered.rank for answered in await _ask(half, search)]
    figures = {
        f"recall@{depth}": _share(rank is not None and rank <= depth for rank in ranks)
        for depth in (1, 3, 6)
    }
    figures["MRR"] = sum(1 / rank for rank in ranks if rank) / len(ranks)
    return "  ".join(f"{name} {figure:.2f}" for name, figure in figures.items())


async def _decisions(half: Half, search: Search) -> str:
    asked = await _ask(half, search)
    answered = [each for each in asked if each.best >= ANSWERS_FROM]
    figures = {
        "missed answers": _share(each.best < ANSWERS_FROM for each in asked),
        "answered with none right in 3": _share((each.rank or DEEPEST) > 3 for each in answered),
        "false answers, near": await _false_answers(half.unanswerable_near, search),
        "false answers, far": await _false_answers(half.unanswerable_far, search),
    }
    return "; ".join(f"{name} {figure:.2f}" for name, figure in figures.items())


async def _false_answers(questions: Sequence[str], search: Search) -> float:
    best = [await search(question) for question in questions]
    return _share(bool(found) and found[0].score >= ANSWERS_FROM for found in best)


async def _print_misses(half: Half, search: Search) -> None:
    for answered in await _ask(half, search):
        if answered.rank is None or answered.rank > 3:
            print(f"\n{answered.question.question}\n  wanted {answered.question.answers}")
            for found in answered.found[:3]:
                print(f"  {found.score:.2f} {found.name}")
    for question in [*half.unanswerable_near, *half.unanswerable_far]:
        wrong = await search(question)
        if wrong and wrong[0].score >= ANSWERS_FROM:
            print(f"\n{question}\n  wanted no answer\n  {wrong[0].score:.2f} {wrong[0].name}")


def _share(truths: Iterator[bool]) -> float:
    listed = list(truths)
    return sum(listed) / len(listed) if listed else 0.0


if __name__ == "__main__":
    asyncio.run(main())
