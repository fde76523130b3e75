"""Finds the passages of the knowledge base that an answer may rest on."""

import re
from collections.abc import Sequence

from seedx_server.ai.providers.protocol import Passage
from seedx_server.infrastructure.access import Actor
from seedx_server.knowledge.core import ANSWERS_FROM, LONGEST_SEARCH
from seedx_server.knowledge.repository import FoundPassage
from seedx_server.knowledge.service import KnowledgeService

MOST_PASSAGES = 6

_END_OF_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")


async def ground(
    knowledge: KnowledgeService, queries: Sequence[str], reader: Actor, articles_path: str
) -> list[Passage]:
    """Return the passages that fit best, numbered from 1.

    Args:
        knowledge: The knowledge base.
        queries: The queries to try in turn, until one finds a passage that fits well enough.
        reader: The actor who will read the answer.
        articles_path: The path of the API's articles.
    """
    hits: Sequence[FoundPassage] = []
    for query in queries:
        hits = await knowledge.search(query[:LONGEST_SEARCH], MOST_PASSAGES, reader)
        if hits and hits[0].score >= ANSWERS_FROM:
            break
    return [
        Passage(
            number=number,
            slug=hit.article.slug,
            title=hit.article.title,
            heading=hit.heading,
            text=hit.text,
            score=hit.score,
            url=f"{articles_path}/{hit.article.slug}",
        )
        for number, hit in enumerate(hits, start=1)
    ]


def queries_of_ticket(title: str, message: str) -> list[str]:
    """Return the queries that find an answer to a ticket's message.

    If the message or the title asks a question, only its questions are searched for: the story
    around them would find articles that answer something else.
    """
    asked = " ".join(questions_in(message))
    pointed = [query for query in (asked, *questions_in(title)) if query]
    return pointed or [f"{title}\n{message}"]


def queries_of_question(question: str, context: str | None) -> list[str]:
    """Return the queries for a question: the question alone, then together with its context."""
    return [question, f"{question}\n{context}"] if context else [question]


def questions_in(text: str) -> list[str]:
    """Return the sentences of a text that end with a question mark."""
    return [sentence for sentence in _END_OF_SENTENCE.split(text) if sentence.endswith("?")]
