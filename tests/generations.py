"""Generations in tests: a clock that only sleeping moves, and what came of an answer."""

import asyncio
from collections.abc import Collection, Sequence

import pytest

from seedx_server.ai.answer.generation import (
    Clock,
    Done,
    GenerationEvent,
    GenerationFailed,
    Limits,
    Restarted,
    Text,
    generate,
)
from seedx_server.ai.answer.sentences import HANDOFF_SENTENCES
from seedx_server.ai.core import HandoffReason, Purpose
from seedx_server.ai.providers.protocol import (
    ChatMessage,
    GenerationRequest,
    Passage,
    Provider,
)

KEY = "gsk_CanaryKey0123456789"
PIECES = ("Hello Ada, ", "sign out ", "and in again [1].")
ANSWER = "".join(PIECES)
PASSAGE = Passage(1, "sign-in", "Signing in", "", "Sign out and in again.", 0.9)
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

    def clock(self) -> Clock:
        return Clock(lambda: self.time, self.sleep, self.timeout, lambda: self._chance)

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


async def run(
    *providers: Provider,
    request: GenerationRequest | None = None,
    clock: ManualClock | None = None,
    limits: Limits | None = None,
) -> list[GenerationEvent]:
    clock = clock or ManualClock()
    answer = generate(request or ask(), providers, limits=limits, clock=clock.clock())
    return [event async for event in answer]


async def run_to_failure(*providers: Provider) -> tuple[list[GenerationEvent], GenerationFailed]:
    events: list[GenerationEvent] = []
    try:
        async for event in generate(ask(), providers, clock=ManualClock().clock()):
            events.append(event)  # noqa: PERF401  # what came before the failure counts
    except GenerationFailed as failure:
        return events, failure
    pytest.fail("the generation did not fail")


def text_of(events: Sequence[GenerationEvent]) -> str:
    """Return what a reader has in the end."""
    text = ""
    for event in events:
        match event:
            case Restarted():
                text = ""
            case Text(piece):
                text += piece
    return text


def done_of(events: Sequence[GenerationEvent]) -> Done:
    last = events[-1]
    assert isinstance(last, Done)
    return last


def kinds(events: Sequence[GenerationEvent]) -> list[str]:
    """Return the events' names, each run of texts as one."""
    names = [type(event).__name__ for event in events]
    return [
        name for number, name in enumerate(names) if name != "Text" or names[number - 1] != "Text"
    ]


# When all goes well
