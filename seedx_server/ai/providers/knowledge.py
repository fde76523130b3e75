"""Answers without a model: quotes passages of the knowledge base, word for word.

Nothing that a customer wrote gets into a reply or a draft, so no ticket can make it say anything
that the articles do not.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

from seedx_server.ai.core import HandoffReason, Purpose
from seedx_server.ai.providers.protocol import (
    Finished,
    GenerationRequest,
    Handoff,
    Passage,
    ProviderEvent,
    TextDelta,
)
from seedx_server.ai.providers.summary import summarise
from seedx_server.config import Settings
from seedx_server.knowledge.core import ANSWERS_FROM

MODEL = "articles"

MOST_QUOTED = 2
ALMOST_AS_GOOD = 0.85
"""A second passage is quoted when its score is at least this share of the best one's."""
LONGEST_QUOTE = 1_500
READ_FOR_A_PERSON = 2_000
"""How many characters of a question are searched for a request for a person."""

OPENING = "Here is what our help articles say."
CLOSING = (
    "If that didn't help, write again or ask for a person, and our support team will take over."
)
NOTHING_FITS = "I couldn't find a help article that answers this."

_PERSON = (
    r"(?:human(?: being)?|person|someone|somebody|representative|rep|operator"
    r"|(?:support |service |live |human )?agent|member of (?:the |your )?(?:staff|team)"
    r"|support team|(?:your |the )(?:staff|team))"
)
_SOME = r"(?:an? |the |some |your |one of your )?(?:real |actual |live )?"
_ASKS_FOR_PERSON = re.compile(
    rf"\b(?:talk|speak|chat) (?:to|with) {_SOME}{_PERSON}\b"
    rf"|\b(?:connect|transfer|forward|hand|pass|put|escalate) (?:me|this|it) (?:\w+ )?to {_SOME}"
    rf"{_PERSON}\b"
    r"|\b(?:want|need|prefer|like|get me|give me|is there) (?:an? )?"
    r"(?:human|real person|actual person|live person|live agent|human agent|human being)\b"
    r"|^\W{0,5}(?:an? )?(?:human|real person|person|agent|representative|operator)"
    r"(?:\W{1,5}(?:please|now)){0,3}\W{0,5}$",
    re.IGNORECASE | re.MULTILINE,
)
LONGEST_REFUSAL = 100
_REFUSES = re.compile(r"\b(?:not|no need to|without|\w+n['\u2019]t)(?: \w+){0,3} ?$", re.IGNORECASE)

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_KEPT_AS_IS = re.compile(r"\s*(?:[-*+] |\d{1,9}[.)] |`{3}|~{3}|\||>| {4})")
_HEADING = re.compile(r"#{1,6} +(.+?)(?: +#+)?")


class KnowledgeProvider:
    """Answers with the passages that fit the question best.

    Args:
        settings: `ai_words_per_second` sets the pace.
        sleep: Waits for a number of seconds between two words.
    """

    name = "knowledge"
    model = MODEL

    def __init__(
        self, settings: Settings, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        pace = settings.ai_words_per_second
        self._seconds_per_word = 1 / pace if pace else 0.0
        self._sleep = sleep

    async def stream(self, request: GenerationRequest) -> AsyncGenerator[ProviderEvent, None]:
        """Yield the answer word by word."""
        text, reason = _answer(request)
        for word in re.findall(r"\s*\S+", text):
            yield TextDelta(word)
            await self._sleep(self._seconds_per_word)
        if reason is not None:
            yield Handoff(reason)
        yield Finished("stop", prompt_tokens=0, completion_tokens=0)

    async def aclose(self) -> None:
        """Do nothing: there is no connection."""


def asks_for_person(question: str) -> bool:
    """Return whether a question clearly asks, in English, for a person instead of an answer."""
    beginning = question[:READ_FOR_A_PERSON]
    return any(
        not _REFUSES.search(beginning[max(0, asking.start() - LONGEST_REFUSAL) : asking.start()])
        for asking in _ASKS_FOR_PERSON.finditer(beginning)
    )


def _answer(request: GenerationRequest) -> tuple[str, HandoffReason | None]:
    if request.purpose is Purpose.SUMMARY:
        return summarise(request.turns), None
    if asks_for_person(request.question):
        return "", HandoffReason.CUSTOMER_REQUEST
    quotes = [_quote(passage) for passage in _passages_to_quote(request.passages)]
    if request.purpose is Purpose.DRAFT:  # staff send it in their own name
        return "\n\n".join(quotes), None if quotes else HandoffReason.MISSING_KNOWLEDGE
    if not quotes:
        return NOTHING_FITS, HandoffReason.MISSING_KNOWLEDGE
    return "\n\n".join([OPENING, *quotes, CLOSING]), None


def _passages_to_quote(passages: Sequence[Passage]) -> list[Passage]:
    fitting = sorted(
        (passage for passage in passages if passage.score >= ANSWERS_FROM),
        key=lambda passage: -passage.score,
    )
    return [
        passage
        for passage in fitting[:MOST_QUOTED]
        if passage.score >= ALMOST_AS_GOOD * fitting[0].score
    ]


def _quote(passage: Passage) -> str:
    place = f"{passage.title}: {passage.heading}" if passage.heading else passage.title
    blocks, rest = _blocks_that_fit(_split_blocks(passage.text))
    lines = [f"**{place}** [{passage.number}]", *(_format_block(block) for block in blocks)]
    if rest:
        lines.append("(The article continues.)")
    return "\n\n".join(lines)


def _split_blocks(text: str) -> list[str]:
    """Split Markdown at its blank lines, but not inside fenced code."""
    blocks: list[list[str]] = [[]]
    fence = ""
    for line in text.strip().splitlines():
        marker = _FENCE.match(line)
        if fence and line.strip().startswith(fence):
            fence = ""
        elif not fence and marker:
            fence = marker.group(1)
        if line.strip() or fence:
            blocks[-1].append(line)
        else:
            blocks.append([])
    return ["\n".join(block) for block in blocks if block]


def _blocks_that_fit(blocks: Sequence[str]) -> tuple[list[str], bool]:
    """Return the blocks that fit into a quote, at least one, and whether more follow."""
    kept: list[str] = []
    room = LONGEST_QUOTE
    for block in blocks:
        room -= len(block)
        if kept and room < 0:
            return kept, True
        kept.append(block)
    return kept, False


def _format_block(block: str) -> str:
    """Quote a paragraph, but keep steps and code as they are, ready to follow or copy."""
    if heading := _HEADING.fullmatch(block):
        return f"**{heading.group(1)}**"
    if _KEPT_AS_IS.match(block):
        return block
    return "\n".join(f"> {line}" for line in block.splitlines())
