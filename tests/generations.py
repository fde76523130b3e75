"""Generations in tests: a clock that only sleeping moves, and what came of an answer."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import pytest

from seedx_server.ai.answer.generation import GenerationFailed, Limits, Timing, generate
from seedx_server.ai.answer.sentences import HANDOFF_SENTENCES
from seedx_server.ai.core import HandoffReason, Outcome, Purpose
from seedx_server.ai.providers.protocol import (
    ChatMessage,
    GenerationRequest,
    Passage,
    Provider,
)
from seedx_server.infrastructure.observability import Metrics

KEY = "gsk_CanaryKey0123456789"
PIECES = ("Hello Ada, ", "sign out ", "and in again [1].")
ANSWER = "".join(PIECES)
PASSAGE = Passage(
    1, "sign-in", "Signing in", "", "Sign out and in again.", 0.9, "/articles/sign-in"
)
MODEL = "scripted-model"
CUT = f"\n\n{HANDOFF_SENTENCES[HandoffReason.LIMIT]}"


class ManualClock:
    """A clock that only sleeping moves.

    Args:
        expire: Which waits for the next piece run out at once, the first being 1.
        chance: What the jitter of retries gets.
    """

    def __init__(self, expire: Collection[int] = (), chance: float = 1) -> None:
        self.time = 1_000.0
        self.sleeps: list[float] = []
        self.waits: list[float] = []
        self._expire = expire
        self._chance = chance

    def timing(self) -> Timing:
        return Timing(lambda: self.time, self.sleep, self.timeout, lambda: self._chance)

    async def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.time += seconds

    def timeout(self, seconds: float) -> asyncio.Timeout:
        self.waits.append(seconds)
        self._wait = asyncio.timeout(None)
        if len(self.waits) not in self._expire:
            return self._wait
        self.time += seconds
        return asyncio.timeout(0)

    def run_out(self) -> None:
        """End the wait for the next piece, which has begun."""
        self.time += self.waits[-1]
        self._wait.reschedule(asyncio.get_running_loop().time())


def ask(
    purpose: Purpose = Purpose.REPLY, passages: Sequence[Passage] = (PASSAGE,)
) -> GenerationRequest:
    messages = [ChatMessage("system", "Be kind."), ChatMessage("user", "prompt-canary")]
    return GenerationRequest(purpose, messages, "I cannot sign in.", passages)


@dataclass
class Told:
    """What a reader was told of an answer.

    Attributes:
        events: Each piece of text, and None where the text so far was discarded.
        wrote: Set at each of them.
        fallbacks: Who gave up, and why, before a fallback was asked.
    """

    events: list[str | None] = field(default_factory=list)
    wrote: asyncio.Event = field(default_factory=asyncio.Event)
    metrics: Metrics = field(default_factory=Metrics)
    outcome: Outcome | None = None

    def append(self, text: str) -> None:
        assert text
        self.events.append(text)
        self.wrote.set()

    def restart(self) -> None:
        self.events.append(None)

    @property
    def text(self) -> str:
        """What the reader has in the end."""
        return "".join(map(str, self.events[self._start() :]))

    @property
    def restarts(self) -> int:
        """How often the text was discarded."""
        return self.events.count(None)

    @property
    def ended(self) -> Outcome:
        """How the answer ended."""
        assert self.outcome is not None
        return self.outcome

    @property
    def fallbacks(self) -> list[tuple[str, str]]:
        """Who gave up, and why."""
        return [
            (sample.labels["provider"], sample.labels["reason"])
            for metric in self.metrics.fallbacks.collect()
            for sample in metric.samples
            if sample.name.endswith("_total")
        ]

    def _start(self) -> int:
        discarded = [number for number, event in enumerate(self.events) if event is None]
        return discarded[-1] + 1 if discarded else 0


async def run(
    *providers: Provider,
    request: GenerationRequest | None = None,
    clock: ManualClock | None = None,
    limits: Limits | None = None,
    told: Told | None = None,
) -> Told:
    """Generate an answer to its end."""
    told = told or Told()
    told.outcome = await generate(
        request or ask(),
        providers,
        told,
        fallbacks=told.metrics.fallbacks,
        limits=limits,
        timing=(clock or ManualClock()).timing(),
    )
    return told


async def run_to_failure(*providers: Provider) -> tuple[Told, GenerationFailed]:
    """Generate an answer that fails."""
    told = Told()
    with pytest.raises(GenerationFailed) as caught:
        await run(*providers, told=told)
    return told, caught.value
