"""Generates one answer: retries, time-outs, fallbacks, filters.

Nothing here knows the database: the text goes to an `AnswerText`.
"""

import asyncio
import logging
import math
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, Self

from prometheus_client import Counter

from seedx_server.ai.answer.filters import AnswerFilter
from seedx_server.ai.answer.sentences import (
    ASK_SENTENCES,
    FALLBACK_NOTE,
    HANDOFF_SENTENCES,
    STAFF_SENTENCES,
)
from seedx_server.ai.core import TO_CUSTOMERS, HandoffReason, Outcome, Purpose, RunStatus
from seedx_server.ai.providers.protocol import (
    Finished,
    GenerationRequest,
    Handoff,
    Provider,
    ProviderError,
    ProviderEvent,
    TextDelta,
)
from seedx_server.config import Settings
from seedx_server.infrastructure.errors import Unavailable
from seedx_server.messages.core import LONGEST_MESSAGE, Citation

logger = logging.getLogger(__name__)

FIRST_BACKOFF_SECONDS = 0.5
LONGEST_BACKOFF_SECONDS = 8.0
RETRY_AFTER_SECONDS = 30
"""How long to wait after a failure, if the provider does not say."""
ROOM_FOR_NOTES = 500
"""How many characters of a message are reserved for the desk's own sentences."""
HIDDEN_TEXT_FACTOR = 4
"""The raw text, reasoning included, may be this many times as long as the longest answer."""
LONGEST_FINISH_REASON = 64
LARGEST_TOKEN_COUNT = 100_000_000
"""Larger counts are taken for a provider's mistake."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Time-outs in seconds, the number of retries, and the longest answer.

    Attributes:
        first_text: Until a provider's first text, its retries included.
        silence: Between two pieces of text.
        total: For the whole generation.
        retries: Further attempts with a provider after the first one.
        characters: The longest answer; the rest is cut.
    """

    first_text: float = 30
    silence: float = 30
    total: float = 300
    retries: int = 2
    characters: int = LONGEST_MESSAGE - ROOM_FOR_NOTES

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Take the limits from the settings."""
        return cls(
            first_text=settings.ai_first_text_seconds,
            silence=settings.ai_silence_seconds,
            total=settings.ai_total_seconds,
            retries=settings.ai_retries,
        )


@dataclass(frozen=True, slots=True)
class Timing:
    """Time and randomness, so that tests can inject their own.

    Attributes:
        now: Seconds on a clock that never goes back.
        sleep: Waits for a number of seconds.
        timeout: Makes a context manager that raises `TimeoutError` after a number of seconds.
        chance: A random number from 0 to 1, for the jitter of retries.
    """

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    timeout: Callable[[float], asyncio.Timeout] = asyncio.timeout
    chance: Callable[[], float] = random.random


class AnswerText(Protocol):
    """The destination of an answer's text."""

    def append(self, text: str) -> None:
        """Append text, which is filtered and never empty."""
        ...

    def restart(self) -> None:
        """Discard all text so far."""
        ...


class GenerationFailed(Unavailable):
    """No provider answered, or the one that did stopped early and cannot be retried.

    Its `detail` is for whoever asked for the text, a customer or staff; the cause is in the log.

    Args:
        provider: The name of the provider that failed last.
        error: That failure.
    """

    code = "ai_provider_unavailable"

    def __init__(self, provider: str, error: ProviderError) -> None:
        super().__init__(
            "The AI cannot answer right now. Nothing you wrote is lost; wait a minute, then "
            "try again.",
            retry_after=math.ceil(error.retry_after or RETRY_AFTER_SECONDS),
        )
        self.provider = provider


async def generate(
    request: GenerationRequest,
    providers: Sequence[Provider],
    text: AnswerText,
    *,
    fallbacks: Counter,
    limits: Limits | None = None,
    timing: Timing | None = None,
) -> Outcome:
    """Generate one answer.

    A provider that fails before its first text is retried while its `Retry-After` and the time
    for the first text allow it; then the next provider takes over, and the reply says so. If a
    provider fails after some text, the text is restarted; if it may not be retried, the generation
    fails.

    Args:
        request: What to answer.
        providers: The chosen provider, then its fallbacks.
        text: Where the text goes.
        fallbacks: Counts failures after which a fallback took over, by `provider` and `reason`.
        limits: Time-outs and lengths.
        timing: Time and randomness.

    Returns:
        How the answer ended.

    Raises:
        GenerationFailed: No provider gave a complete answer.
    """
    limits, timing = limits or Limits(), timing or Timing()
    ends_at = timing.now() + limits.total
    answering, *others = providers
    for number in range(len(providers)):
        deadlines = _Deadlines(limits, timing, ends_at)
        try:
            return await _ask_provider(request, answering, text, deadlines, is_fallback=number > 0)
        except ProviderError as error:
            failure = error
        if not others or timing.now() >= ends_at:
            break
        fallbacks.labels(answering.name, failure.reason).inc()
        logger.warning("AI provider %s failed; falling back to %s", answering.name, others[0].name)
        answering, *others = others
    raise GenerationFailed(answering.name, failure) from failure


class _Deadlines:
    """The deadlines for one provider."""

    def __init__(self, limits: Limits, timing: Timing, ends_at: float) -> None:
        self.limits = limits
        self.timing = timing
        self.ends_at = ends_at
        self.text_by = 0.0
        self.restart()

    def restart(self) -> None:
        """Allow the whole time for the first text again."""
        self.text_by = self.timing.now() + self.limits.first_text

    def before_retry(self, error: ProviderError, attempt: int) -> float | None:
        """Return the seconds to wait before the next attempt, or None if there is none."""
        if not error.retryable or attempt >= self.limits.retries:
            return None
        longest = min(FIRST_BACKOFF_SECONDS * 2**attempt, LONGEST_BACKOFF_SECONDS)
        asked = error.retry_after
        wait = longest * self.timing.chance() if asked is None else asked
        until = self.timing.now() + wait
        return wait if until < min(self.text_by, self.ends_at) else None


async def _ask_provider(
    request: GenerationRequest,
    provider: Provider,
    text: AnswerText,
    deadlines: _Deadlines,
    *,
    is_fallback: bool,
) -> Outcome:
    """Ask one provider, with retries.

    Raises:
        ProviderError: It gave no text.
        GenerationFailed: It failed after some text.
    """
    for number in range(deadlines.limits.retries + 1):
        attempt = _Attempt(request, provider, text, deadlines, is_fallback=is_fallback)
        try:
            return await attempt.answer()
        except ProviderError as error:
            failure = error
        logger.warning(
            "AI provider %s, attempt %d of %d: %s",
            provider.name,
            number + 1,
            deadlines.limits.retries + 1,
            failure.detail,
        )
        if attempt.visible:
            deadlines.restart()
        wait = deadlines.before_retry(failure, number)
        if wait is None:
            break
        if attempt.visible:
            text.restart()
        await deadlines.timing.sleep(wait)
    if attempt.visible:
        raise GenerationFailed(provider.name, failure) from failure
    raise failure


class _Attempt:
    """One request to one provider.

    Attributes:
        visible: How many characters of the answer readers have.
    """

    def __init__(
        self,
        request: GenerationRequest,
        provider: Provider,
        text: AnswerText,
        deadlines: _Deadlines,
        *,
        is_fallback: bool,
    ) -> None:
        self.visible = 0
        self._request = request
        self._provider = provider
        self._text = text
        self._deadlines = deadlines
        self._is_fallback = is_fallback
        self._filter = AnswerFilter(request.passages)
        self._raw = 0
        self._handoff: HandoffReason | None = None
        self._finished: Finished | None = None

    async def answer(self) -> Outcome:
        """Read the answer to its end.

        Raises:
            ProviderError: The provider failed, or its answer is empty.
        """
        stream = self._provider.stream(self._request)
        try:
            while self._finished is None:
                self._handle(await self._next_event(stream))
        finally:
            if isinstance(stream, AsyncGenerator):
                await stream.aclose()
        self._append_within_limit(self._filter.finish())
        if not self.visible and self._handoff is None:
            raise ProviderError("its answer was empty", reason="empty", retryable=True)
        if self._finished.finish_reason == "length":
            self._handoff = self._handoff or HandoffReason.LIMIT
        self._append_handoff_sentence()
        return self._outcome(self._finished)

    async def _next_event(self, stream: AsyncIterator[ProviderEvent]) -> ProviderEvent:
        limits, timing = self._deadlines.limits, self._deadlines.timing
        until = timing.now() + limits.silence if self.visible else self._deadlines.text_by
        cut = self._deadlines.ends_at <= until
        try:
            async with timing.timeout(max(0.0, min(until, self._deadlines.ends_at) - timing.now())):
                return await anext(stream)
        except StopAsyncIteration:
            return Finished("stop")
        except ProviderError:
            raise
        except TimeoutError:
            if cut and self.visible:
                return Finished("length")
            raise self._timeout_error() from None
        except Exception as error:  # a bug in a provider must not prevent the fallback
            logger.exception("AI provider %s has a bug", self._provider.name)
            detail = f"it has a bug: {type(error).__name__}"
            raise ProviderError(detail, reason="bug") from error

    def _timeout_error(self) -> ProviderError:
        limits = self._deadlines.limits
        if self.visible:
            detail = f"it sent nothing for {limits.silence:g} s"
            return ProviderError(detail, reason="timeout", retryable=True)
        return ProviderError(f"no text within {limits.first_text:g} s", reason="timeout")

    def _handle(self, event: ProviderEvent) -> None:
        match event:
            case TextDelta(text):
                self._raw += len(text)
                given = self._filter.feed(text)
                if self._filter.take_discarded() and self.visible:
                    self.visible = 0
                    self._text.restart()
                self._append_within_limit(given)
                if self._raw > HIDDEN_TEXT_FACTOR * self._deadlines.limits.characters:
                    self._cut()
            case Handoff(reason):
                self._handoff = reason
            case Finished():
                self._finished = event

    def _append_within_limit(self, text: str) -> None:
        """Append text to the answer, cut at the longest answer."""
        room = self._deadlines.limits.characters - self.visible
        if len(text) > room:
            text = text[:room]
            self._cut()
        self._append(text)

    def _cut(self) -> None:
        """End the answer here; a count that the provider has already reported is kept."""
        finished = self._finished or Finished("length")
        self._finished = replace(finished, finish_reason="length")

    def _append(self, text: str) -> None:
        if not text:
            return
        if not self.visible and self._is_fallback and self._request.purpose in TO_CUSTOMERS:
            self._text.append(f"{FALLBACK_NOTE}\n\n")
        self.visible += len(text)
        self._text.append(text)

    def _append_handoff_sentence(self) -> None:
        if self._handoff is None:
            return
        if self._request.purpose in TO_CUSTOMERS:
            gap = "\n\n" if self.visible else ""
            asked = self._request.purpose is Purpose.ASK
            sentences = ASK_SENTENCES if asked else HANDOFF_SENTENCES
            self._append(gap + sentences[self._handoff])
        elif not self.visible:
            self._append(STAFF_SENTENCES[self._handoff])

    def _outcome(self, finished: Finished) -> Outcome:
        return Outcome(
            status=RunStatus.DONE,
            finish_reason=_storable_reason(finished.finish_reason),
            handoff=self._handoff,
            citations=self._citations(),
            provider=self._provider.name,
            model=self._provider.model,
            prompt_tokens=_plausible_count(finished.prompt_tokens),
            completion_tokens=_plausible_count(finished.completion_tokens),
        )

    def _citations(self) -> list[Citation]:
        passages = {passage.number: passage for passage in self._request.passages}
        cited = [passages[number] for number in self._filter.cited]
        return [
            Citation(number=p.number, slug=p.slug, title=p.title, heading=p.heading, url=p.url)
            for p in cited
        ]


def _storable_reason(finish_reason: str) -> str:
    """Return a provider's reason without what the database cannot store."""
    printable = "".join(character for character in finish_reason if character.isprintable())
    return printable[:LONGEST_FINISH_REASON] or "stop"


def _plausible_count(tokens: int | None) -> int | None:
    return tokens if tokens is not None and 0 <= tokens <= LARGEST_TOKEN_COUNT else None
