"""Has one run's text generated: gathers what the AI may know, keeps what it says."""

import time
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from seedx_server.ai.answer.generation import (
    Done,
    GenerationFailed,
    Limits,
    Restarted,
    Text,
    generate,
)
from seedx_server.ai.answer.prompts import Conversation, Prompts, Turn
from seedx_server.ai.core import TO_CUSTOMERS, HandoffReason, RunStatus
from seedx_server.ai.engine.conclusion import Ending
from seedx_server.ai.engine.grounding import ground, queries_of_question, queries_of_ticket
from seedx_server.ai.engine.live import LiveRun
from seedx_server.ai.models import Run
from seedx_server.ai.providers.protocol import GenerationRequest, Passage, Provider
from seedx_server.config import Settings
from seedx_server.infrastructure.access import STAFF, Actor, Role
from seedx_server.infrastructure.database.engine import Sessions, outlasting_outages
from seedx_server.knowledge.service import knowledge_service
from seedx_server.messages.core import Citation
from seedx_server.messages.models import Message
from seedx_server.messages.repository import MessageRepository
from seedx_server.tickets.repository import TicketRepository

MOST_MESSAGES = 200
TOKENS_OF_A_PRICE = 1_000_000


@dataclass(frozen=True, slots=True)
class Briefing:
    """What the AI gets to know for one run.

    Attributes:
        request: The prompt.
        prompt_version: The version of its template.
        passages: What it may cite.
        answered_message_id: The message that it answers, None for the ticket's own text.
    """

    request: GenerationRequest
    prompt_version: str
    passages: Sequence[Passage]
    answered_message_id: int | None


class AIComposer:
    """Briefs the providers and writes what they say into a live run.

    Args:
        sessions: Makes the short session in which the briefing is gathered.
        providers: The chosen one first, then its stand-ins.
        prompts: The templates.
        settings: Time-outs, retries, prices.
        articles_path: Where the API has its articles; citations link there.
    """

    def __init__(
        self,
        *,
        sessions: Sessions,
        providers: Sequence[Provider],
        prompts: Prompts,
        settings: Settings,
        articles_path: str,
    ) -> None:
        self._sessions = sessions
        self._providers = providers
        self._prompts = prompts
        self._limits = Limits.of(settings)
        self._prices = settings.ai_prices
        self._articles_path = articles_path

    async def compose(self, run: Run, live: LiveRun, wake: Callable[[], None]) -> Ending:
        """Write the run's text into `live`, calling `wake` after each piece."""
        began = time.monotonic()
        first_text_ms: int | None = None
        briefing = await outlasting_outages(lambda: self._brief(run))
        # What the customer added while the run was queued does not overtake it.
        run.trigger_message_id = briefing.answered_message_id
        events = generate(briefing.request, self._providers, limits=self._limits)
        try:
            async with aclosing(events):
                async for event in events:
                    match event:
                        case Text(text):
                            if first_text_ms is None:
                                first_text_ms = round((time.monotonic() - began) * 1_000)
                            live.append(text)
                            wake()
                        case Restarted():
                            live.restart()
                            wake()
                        case Done():
                            return self._ending(event, live.text, briefing, first_text_ms)
        except GenerationFailed as failure:
            return _failure(failure, live.text, briefing, first_text_ms)
        raise RuntimeError("a generation ended without its last event")

    async def _brief(self, run: Run) -> Briefing:
        async with self._sessions() as session:
            conversation, answered = await _conversation(session, run)
            knowledge = knowledge_service(session)
            passages = await ground(knowledge, _queries(run, conversation), _reader(run))
        request, version = self._prompts.build(
            run.purpose, conversation, passages, run.instructions
        )
        return Briefing(request, version, passages, answered)

    def _ending(
        self, done: Done, text: str, briefing: Briefing, first_text_ms: int | None
    ) -> Ending:
        return Ending(
            status=RunStatus.DONE,
            finish_reason=done.finish_reason,
            text=text,
            citations=self._citations(done.cited, briefing.passages),
            handoff=done.handoff,
            provider=done.provider,
            model=done.model,
            prompt_version=briefing.prompt_version,
            prompt_tokens=done.usage.prompt_tokens,
            completion_tokens=done.usage.completion_tokens,
            cost=self._cost(done),
            first_text_ms=first_text_ms,
        )

    def _citations(self, cited: Sequence[int], passages: Sequence[Passage]) -> list[Citation]:
        known = {passage.number: passage for passage in passages}
        return [
            Citation(
                number=number,
                slug=known[number].slug,
                title=known[number].title,
                heading=known[number].heading,
                url=f"{self._articles_path}/{known[number].slug}",
            )
            for number in cited
            if number in known
        ]

    def _cost(self, done: Done) -> Decimal | None:
        price = self._prices.get(done.model)
        if price is None:
            return None
        of_prompt, of_completion = (Decimal(str(part)) for part in price)
        total = of_prompt * (done.usage.prompt_tokens or 0)
        total += of_completion * (done.usage.completion_tokens or 0)
        return total / TOKENS_OF_A_PRICE


def _failure(
    failure: GenerationFailed, text: str, briefing: Briefing, first_text_ms: int | None
) -> Ending:
    return Ending(
        status=RunStatus.FAILED,
        finish_reason="error",
        text=text,
        handoff=HandoffReason.PROVIDER_FAILURE,
        error=failure.detail,
        provider=failure.provider,
        prompt_version=briefing.prompt_version,
        first_text_ms=first_text_ms,
    )


async def _conversation(session: AsyncSession, run: Run) -> tuple[Conversation, int | None]:
    if run.ticket_id is None:
        text = f"{run.question}\n\n{run.context or ''}".strip()
        return Conversation(run.question or "", text), None
    ticket = await TicketRepository(session).unscoped(run.ticket_id)
    messages = await MessageRepository(session).unscoped_newest(
        ticket.id, internal=run.purpose not in TO_CUSTOMERS, limit=MOST_MESSAGES
    )
    conversation = Conversation(
        title=ticket.title,
        description=ticket.description,
        turns=[_turn(message) for message in messages],
    )
    return conversation, _answered_message(run, messages)


def _answered_message(run: Run, messages: Sequence[Message]) -> int | None:
    """Return the message that the run answers: what a customer added before it began, too."""
    newer = [m for m in messages if not m.internal and m.id > (run.trigger_message_id or 0)]
    if newer and all(m.author is not None and m.author.role not in STAFF for m in newer):
        return newer[-1].id
    return run.trigger_message_id


def _queries(run: Run, conversation: Conversation) -> list[str]:
    if run.question is not None:
        return queries_of_question(run.question, run.context)
    asked = next(
        (turn.content for turn in reversed(conversation.turns) if turn.author == "customer"),
        conversation.description,
    )
    return queries_of_ticket(conversation.title, asked)


def _reader(run: Run) -> Actor:
    # What the AI may ground an answer on is what any customer may read.
    return Actor(id=run.requested_by, role=Role.CUSTOMER, name="", session_id=0)


def _turn(message: Message) -> Turn:
    if message.author is None:
        return Turn(author="ai", name="AI", content=message.content, internal=message.internal)
    return Turn(
        author="staff" if message.author.role in STAFF else "customer",
        name=message.author.name,
        content=message.content,
        internal=message.internal,
    )
