"""Which passages of the knowledge base an answer may rest on."""

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
    knowledge: KnowledgeService, queries: Sequence[str], reader: Actor
) -> list[Passage]:
    """Return the passages that fit best, numbered from 1.

    Args:
        knowledge: The knowledge base.
        queries: What to look for, one after the other until something answers.
        reader: Who will read the answer.
    """
    hits: Sequence[FoundPassage] = []
    for query in queries:
        hits = await knowledge.search(query[:LONGEST_SEARCH], MOST_PASSAGES, reader)
        if hits and hits[0].score >= ANSWERS_FROM:
            break
    return [
        Passage(number, hit.article.slug, hit.article.title, hit.heading, hit.text, hit.score)
        for number, hit in enumerate(hits, start=1)
    ]


def queries_of_ticket(title: str, message: str) -> list[str]:
    """Return what to look for to answer a message.

    Where something is asked outright, that alone: the story around a question finds articles
    of its own, and would make an answer out of them.
    """
    asked = " ".join(questions_in(message))
    pointed = [query for query in (asked, *questions_in(title)) if query]
    return pointed or [f"{title}\n{message}"]


def queries_of_question(question: str, context: str | None) -> list[str]:
    """Return what to look for to answer a question, and then what the output around it adds."""
    return [question, f"{question}\n{context}"] if context else [question]


def questions_in(text: str) -> list[str]:
    """Return the sentences of a text that end with a question mark."""
    return [sentence for sentence in _END_OF_SENTENCE.split(text) if sentence.endswith("?")]
