"""One answer from a row of providers: retries, time-outs, stand-ins, filters.

Nothing here knows the database: the runner keeps what `generate` yields.
"""

import asyncio
import logging
import math
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Self

from seedx_server.ai.answer.filters import AnswerFilter
from seedx_server.ai.answer.sentences import (
    ASK_SENTENCES,
    HANDOFF_SENTENCES,
    STAFF_SENTENCES,
    STAND_IN_NOTE,
)
from seedx_server.ai.core import TO_CUSTOMERS, HandoffReason, Purpose, Usage
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
from seedx_server.messages.core import LONGEST_MESSAGE

logger = logging.getLogger(__name__)

FIRST_BACKOFF_SECONDS = 0.5
LONGEST_BACKOFF_SECONDS = 8.0
RETRY_AFTER_SECONDS = 30
"""When to try again after a failure, if the provider does not say."""
ROOM_FOR_NOTES = 500
"""How many characters of a message are for what the desk itself says in it."""
HIDDEN_TEXT_FACTOR = 4
"""How much longer than the longest answer the raw text may be, its reasoning included."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how often a generation is tried. Times are in seconds.

    Attributes:
        first_text: Until a provider's first text, its retries included.
        silence: Between two pieces of text.
        total: For everything.
        retries: Further attempts at one provider after its first.
        characters: The longest answer; what goes beyond it is cut.
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
class Clock:
    """Time and chance, so that a test can bring its own.

    Attributes:
        now: Seconds on a clock that never goes back.
        sleep: Waits for so many seconds.
        timeout: Makes a context manager that ends after so many seconds with `TimeoutError`.
        chance: A number from 0 to 1, for the jitter of retries.
    """

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    timeout: Callable[[float], asyncio.Timeout] = asyncio.timeout
    chance: Callable[[], float] = random.random


@dataclass(frozen=True, slots=True)
class Started:
    """A provider is asked."""

    provider: str
    model: str


@dataclass(frozen=True, slots=True)
class Text:
    """The next piece of the answer, filtered; never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class Restarted:
    """All text so far is void; the answer begins anew."""


@dataclass(frozen=True, slots=True)
class FellBack:
    """A provider gave no text, and the next one is asked instead.

    Attributes:
        failed: The name of the provider that failed.
        stand_in: The name of the next one.
        why: What went wrong, for operators.
    """

    failed: str
    stand_in: str
    why: str


@dataclass(frozen=True, slots=True)
class Done:
    """The answer is complete.

    Attributes:
        finish_reason: `stop`, `length` (cut, by the model or by a limit) or what the provider
            says.
        usage: Tokens of the attempt that answered.
        handoff: Why a person must take over, if one must.
        cited: The numbers of the passages that the text cites, in order of first use.
        provider: The name of the provider that answered.
        model: The model that answered.
        fallback: Whether a stand-in answered.
    """

    finish_reason: str
    usage: Usage
    handoff: HandoffReason | None
    cited: tuple[int, ...]
    provider: str
    model: str
    fallback: bool


GenerationEvent = Started | Text | Restarted | FellBack | Done


class GenerationFailed(Unavailable):
    """No provider answered, or the one that did broke off for good.

    `detail` is for the customer; `reason` is for operators.

    Args:
        provider: The name of the provider that failed last.
        error: Its failure.
    """

    code = "ai_provider_unavailable"

    def __init__(self, provider: str, error: ProviderError) -> None:
        super().__init__(
            "The AI cannot answer right now. Nothing you wrote is lost: try again in a minute, "
            "or wait for the support team to answer.",
            retry_after=math.ceil(error.retry_after or RETRY_AFTER_SECONDS),
        )
        self.provider = provider
        self.reason = f"{provider}: {error.detail}"
        self.retryable = error.retryable


async def generate(
    request: GenerationRequest,
    providers: Sequence[Provider],
    *,
    limits: Limits | None = None,
    clock: Clock | None = None,
) -> AsyncGenerator[GenerationEvent, None]:
    """Generate one answer; close the generator to give it up.

    A provider that fails before its first text is tried again, as far as its `Retry-After`
    and the time for the first text allow, and then gives way to the next one, which the reply
    says. One that fails after some text begins anew (`Restarted`); when it may not be tried
    again, the generation fails.

    Args:
        request: What to answer.
        providers: The chosen one, then its stand-ins; at least one.
        limits: Time-outs and lengths.
        clock: Time and chance.

    Yields:
        `Started` and then `Text`, with `Restarted` and `FellBack` where they happen, and
        `Done` at the end.

    Raises:
        GenerationFailed: There is no answer.
    """
    limits, clock = limits or Limits(), clock or Clock()
    ends_at = clock.now() + limits.total
    answering, *stand_ins = providers
    for number in range(len(providers)):
        yield Started(answering.name, answering.model)
        patience = _Patience(limits, clock, ends_at)
        events = _ask(request, answering, patience, fallback=number > 0)
        try:
            async with aclosing(events):
                async for event in events:
                    yield event
        except ProviderError as error:
            failure = error
        else:
            return
        if not stand_ins or clock.now() >= ends_at:
            raise GenerationFailed(answering.name, failure) from failure
        failed, answering, *stand_ins = answering, *stand_ins
        yield FellBack(failed.name, answering.name, failure.detail)


class _Patience:
    """How long to wait for what, at one provider."""

    def __init__(self, limits: Limits, clock: Clock, ends_at: float) -> None:
        self.limits = limits
        self.clock = clock
        self.ends_at = ends_at
        self.text_by = 0.0
        self.begin_anew()

    def begin_anew(self) -> None:
        """Grant the whole time for the first text again."""
        self.text_by = self.clock.now() + self.limits.first_text

    def before_retry(self, error: ProviderError, attempt: int) -> float | None:
        """Return the seconds to wait before the next attempt, or None if there is none."""
        if not error.retryable or attempt >= self.limits.retries:
            return None
        longest = min(FIRST_BACKOFF_SECONDS * 2**attempt, LONGEST_BACKOFF_SECONDS)
        asked = error.retry_after
        wait = longest * self.clock.chance() if asked is None else asked
        until = self.clock.now() + wait
        return wait if until < min(self.text_by, self.ends_at) else None


async def _ask(
    request: GenerationRequest, provider: Provider, patience: _Patience, *, fallback: bool
) -> AsyncGenerator[GenerationEvent, None]:
    """Ask one provider, as often as it takes.

    Raises:
        ProviderError: It gave no text.
        GenerationFailed: It broke off after some text.
    """
    for number in range(patience.limits.retries + 1):
        attempt = _Attempt(request, provider, patience, fallback=fallback)
        try:
            async with aclosing(attempt.events()) as events:
                async for event in events:
                    yield event
        except ProviderError as error:
            failure = error
        else:
            return
        logger.warning(
            "AI provider %s, attempt %d of %d: %s",
            provider.name,
            number + 1,
            patience.limits.retries + 1,
            failure.detail,
        )
        if attempt.visible:
            patience.begin_anew()
        wait = patience.before_retry(failure, number)
        if wait is None and attempt.visible:
            raise GenerationFailed(provider.name, failure) from failure
        if wait is None:
            raise failure
        if attempt.visible:
            yield Restarted()
        await patience.clock.sleep(wait)


class _Attempt:
    """One request to one provider.

    Attributes:
        visible: How many characters of the answer were given out.
    """

    def __init__(
        self, request: GenerationRequest, provider: Provider, patience: _Patience, *, fallback: bool
    ) -> None:
        self.visible = 0
        self._request = request
        self._provider = provider
        self._patience = patience
        self._fallback = fallback
        self._filter = AnswerFilter(request.passages)
        self._raw = 0
        self._handoff: HandoffReason | None = None
        self._finished: Finished | None = None

    async def events(self) -> AsyncGenerator[GenerationEvent, None]:
        """Yield the answer.

        Raises:
            ProviderError: The provider failed, or said nothing.
        """
        stream = self._provider.stream(self._request)
        try:
            while self._finished is None:
                for event in self._take(await self._next(stream)):
                    yield event
        finally:
            if isinstance(stream, AsyncGenerator):
                await stream.aclose()
        for event in self._give(self._filter.finish()):
            yield event
        if not self.visible and self._handoff is None:
            raise ProviderError("it answered nothing", retryable=True)
        if self._finished.finish_reason == "length":
            self._handoff = self._handoff or HandoffReason.LIMIT
        for event in self._tell_of_handoff():
            yield event
        yield self._done()

    async def _next(self, stream: AsyncIterator[ProviderEvent]) -> ProviderEvent:
        limits, clock = self._patience.limits, self._patience.clock
        until = clock.now() + limits.silence if self.visible else self._patience.text_by
        cut = self._patience.ends_at <= until
        try:
            async with clock.timeout(max(0.0, min(until, self._patience.ends_at) - clock.now())):
                return await anext(stream)
        except StopAsyncIteration:
            return Finished("stop")
        except ProviderError:
            raise
        except TimeoutError:
            if cut and self.visible:
                return Finished("length")
            raise self._too_slow() from None
        except Exception as error:  # a provider's bug must not keep its stand-in from answering
            logger.exception("AI provider %s has a bug", self._provider.name)
            raise ProviderError(f"it has a bug: {type(error).__name__}") from error

    def _too_slow(self) -> ProviderError:
        limits = self._patience.limits
        if self.visible:
            return ProviderError(f"it fell silent for {limits.silence:g} s", retryable=True)
        return ProviderError(f"no text within {limits.first_text:g} s")

    def _take(self, event: ProviderEvent) -> Iterator[GenerationEvent]:
        match event:
            case TextDelta(text):
                self._raw += len(text)
                given = self._filter.feed(text)
                if self._filter.take_void() and self.visible:
                    self.visible = 0
                    yield Restarted()
                yield from self._give(given)
                if self._raw > HIDDEN_TEXT_FACTOR * self._patience.limits.characters:
                    self._finished = Finished("length")
            case Handoff(reason):
                self._handoff = reason
            case Finished():
                self._finished = event

    def _give(self, text: str) -> Iterator[Text]:
        room = self._patience.limits.characters - self.visible
        if len(text) > room:
            text = text[:room]
            self._finished = Finished("length")
        yield from self._say(text)

    def _say(self, text: str) -> Iterator[Text]:
        if not text:
            return
        if not self.visible and self._fallback and self._request.purpose in TO_CUSTOMERS:
            yield Text(f"{STAND_IN_NOTE}\n\n")
        self.visible += len(text)
        yield Text(text)

    def _tell_of_handoff(self) -> Iterator[Text]:
        if self._handoff is None:
            return
        if self._request.purpose in TO_CUSTOMERS:
            gap = "\n\n" if self.visible else ""
            asked = self._request.purpose is Purpose.ASK
            sentences = ASK_SENTENCES if asked else HANDOFF_SENTENCES
            yield from self._say(gap + sentences[self._handoff])
        elif not self.visible:
            yield from self._say(STAFF_SENTENCES[self._handoff])

    def _done(self) -> Done:
        finished = self._finished or Finished("stop")
        return Done(
            finish_reason=finished.finish_reason,
            usage=Usage(
                prompt_tokens=finished.prompt_tokens,
                completion_tokens=finished.completion_tokens,
            ),
            handoff=self._handoff,
            cited=tuple(self._filter.cited),
            provider=self._provider.name,
            model=self._provider.model,
            fallback=self._fallback,
        )
