"""Composes the text of one run: briefs a provider and writes its answer into the live run."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from seedx_server.ai.answer.generation import GenerationFailed, Limits, generate
from seedx_server.ai.answer.prompts import Prompts, estimate_tokens
from seedx_server.ai.core import TO_CUSTOMERS, HandoffReason, Outcome, RunStatus
from seedx_server.ai.engine.grounding import ground, queries_of_question, queries_of_ticket
from seedx_server.ai.engine.live import LiveRun
from seedx_server.ai.models import Run
from seedx_server.ai.providers.protocol import GenerationRequest, Provider, Side, Transcript, Turn
from seedx_server.config import Settings
from seedx_server.infrastructure.access import STAFF, Actor, Role
from seedx_server.infrastructure.database.engine import Sessions, outlasting_outages
from seedx_server.infrastructure.observability import Metrics
from seedx_server.knowledge.service import knowledge_service
from seedx_server.messages.models import Message
from seedx_server.messages.repository import MessageRepository
from seedx_server.tickets.repository import TicketRepository

MOST_MESSAGES = 200
TOKENS_OF_A_PRICE = 1_000_000


@dataclass(frozen=True, slots=True)
class Briefing:
    """Everything that the AI is given for one run.

    Attributes:
        request: The prompt.
        prompt_version: The version of its template.
        answered_message_id: The id of the message that it answers; None for the ticket's
            description.
    """

    request: GenerationRequest
    prompt_version: str
    answered_message_id: int | None


class AIComposer:
    """Briefs the providers and writes their answer into a live run.

    Args:
        sessions: Makes the short session in which the briefing is gathered.
        providers: The chosen provider, then its fallbacks.
        prompts: The templates.
        settings: Time-outs, retries, prices.
        articles_path: The path of the API's articles; citations link there.
        metrics: The metrics to update.
    """

    def __init__(
        self,
        *,
        sessions: Sessions,
        providers: Sequence[Provider],
        prompts: Prompts,
        settings: Settings,
        articles_path: str,
        metrics: Metrics,
    ) -> None:
        self._sessions = sessions
        self._providers = providers
        self._prompts = prompts
        self._limits = Limits.of(settings)
        self._prices = settings.ai_prices
        self._articles_path = articles_path
        self._fallbacks = metrics.fallbacks

    async def compose(self, run: Run, live: LiveRun) -> Outcome:
        """Write the run's text into `live` and return how the run ended."""
        began = time.monotonic()
        briefing = await outlasting_outages(lambda: self._brief(run))
        # A message that the customer added while the run was queued is answered too.
        live.answered_message_id = briefing.answered_message_id
        live.spend(sum(estimate_tokens(part.content) for part in briefing.request.messages))
        text = _TimedText(live)
        try:
            outcome = await generate(
                briefing.request,
                self._providers,
                text,
                fallbacks=self._fallbacks,
                limits=self._limits,
            )
        except GenerationFailed as failure:
            outcome = Outcome(
                status=RunStatus.FAILED,
                finish_reason="error",
                handoff=HandoffReason.PROVIDER_FAILURE,
                provider=failure.provider,
                error=failure.detail,
            )
        return replace(
            outcome,
            prompt_version=briefing.prompt_version,
            cost=self._cost(outcome),
            first_text_ms=text.milliseconds_since(began),
        )

    async def _brief(self, run: Run) -> Briefing:
        async with self._sessions() as session:
            transcript, answered = await _transcript(session, run)
            knowledge = knowledge_service(session)
            passages = await ground(
                knowledge, _queries(run, transcript), _reader(run), self._articles_path
            )
        request, version = self._prompts.build(run.purpose, transcript, passages, run.instructions)
        return Briefing(request, version, answered)

    def _cost(self, outcome: Outcome) -> Decimal | None:
        price = self._prices.get(outcome.model) if outcome.model is not None else None
        if price is None:
            return None
        of_prompt, of_completion = (Decimal(str(part)) for part in price)
        total = of_prompt * (outcome.prompt_tokens or 0)
        total += of_completion * (outcome.completion_tokens or 0)
        return total / TOKENS_OF_A_PRICE


class _TimedText:
    """A live run's text, and the time of its first piece."""

    def __init__(self, live: LiveRun) -> None:
        self._live = live
        self._first_at: float | None = None

    def append(self, text: str) -> None:
        if self._first_at is None:
            self._first_at = time.monotonic()
        self._live.append(text)

    def restart(self) -> None:
        self._live.restart()

    def milliseconds_since(self, began: float) -> int | None:
        return None if self._first_at is None else round((self._first_at - began) * 1_000)


async def _transcript(session: AsyncSession, run: Run) -> tuple[Transcript, int | None]:
    if run.ticket_id is None:
        text = f"{run.question}\n\n{run.context or ''}".strip()
        return Transcript(run.question or "", text), None
    ticket = await TicketRepository(session).unscoped(run.ticket_id)
    messages = await MessageRepository(session).unscoped_newest(
        ticket.id, internal=run.purpose not in TO_CUSTOMERS, limit=MOST_MESSAGES
    )
    transcript = Transcript(
        title=ticket.title,
        description=ticket.description,
        turns=[_turn(message, ticket.requester_id) for message in messages],
    )
    return transcript, _answered_message(run, messages, ticket.requester_id)


def _answered_message(run: Run, messages: Sequence[Message], requester_id: int) -> int | None:
    """Return the id of the message to answer: the newest one if the customer added more."""
    newer = [m for m in messages if not m.internal and m.id > (run.trigger_message_id or 0)]
    if newer and all(_side(message, requester_id) == "customer" for message in newer):
        return newer[-1].id
    return run.trigger_message_id


def _queries(run: Run, transcript: Transcript) -> list[str]:
    if run.question is not None:
        return queries_of_question(run.question, run.context)
    asked = next(
        (turn.content for turn in reversed(transcript.turns) if turn.author == "customer"),
        transcript.description,
    )
    return queries_of_ticket(transcript.title, asked)


def _reader(run: Run) -> Actor:
    # An answer may rest only on articles that any customer may read.
    return Actor(id=run.requested_by, role=Role.CUSTOMER, name="", session_id=0)


def _turn(message: Message, requester_id: int) -> Turn:
    return Turn(
        author=_side(message, requester_id),
        name="AI" if message.author is None else message.author.name,
        content=message.content,
        internal=message.internal,
    )


def _side(message: Message, requester_id: int) -> Side:
    """Return which side a message is from: a requester is the customer, whatever their role."""
    author = message.author
    if author is None:
        return "ai"
    if message.internal:
        return "staff"
    return "staff" if author.role in STAFF and author.id != requester_id else "customer"
