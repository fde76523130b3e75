"""One answer from the chosen provider and its fallbacks, whatever the upstream does."""

import asyncio

import pytest

from seedx_server.ai.answer.generation import GenerationFailed, Limits
from seedx_server.ai.answer.sentences import FALLBACK_NOTE, HANDOFF_SENTENCES
from seedx_server.ai.core import HandoffReason, Outcome, Purpose, RunStatus
from seedx_server.ai.providers.protocol import Provider
from seedx_server.ai.providers.registry import make_provider
from seedx_server.config import load_settings
from seedx_server.messages.core import Citation
from tests.fake_upstream import MALFORMED, STREAM_ERROR, FakeUpstream, Reply
from tests.generations import (
    ANSWER,
    CUT,
    MODEL,
    PIECES,
    ManualClock,
    Told,
    ask,
    run,
    run_to_failure,
)
from tests.waiting import PATIENCE_SECONDS


async def test_an_answer_streams_and_says_how_it_ended(
    groq: Provider, upstream: FakeUpstream
) -> None:
    upstream.script(Reply(PIECES))
    told = await run(groq)
    assert told.restarts == 0
    assert told.text == ANSWER
    assert told.fallbacks == []
    assert told.ended == Outcome(
        status=RunStatus.DONE,
        finish_reason="stop",
        citations=[
            Citation(
                number=1, slug="sign-in", title="Signing in", heading="", url="/articles/sign-in"
            )
        ],
        provider="groq",
        model=MODEL,
        prompt_tokens=21,
        completion_tokens=13,
    )


async def test_text_comes_before_the_answer_is_complete(
    groq: Provider, upstream: FakeUpstream
) -> None:
    gate = asyncio.Event()
    upstream.script(Reply(PIECES, gate=gate, gate_at=1))
    told = Told()
    running = asyncio.create_task(run(groq, told=told))
    async with asyncio.timeout(PATIENCE_SECONDS):
        await told.wrote.wait()
    assert told.text == "Hello Ada,"
    gate.set()
    assert (await running).text == ANSWER


async def test_giving_up_the_answer_closes_the_connection(
    groq: Provider, upstream: FakeUpstream
) -> None:
    upstream.script(Reply(PIECES, endless=True))
    told = Told()
    running = asyncio.create_task(run(groq, told=told))
    async with asyncio.timeout(PATIENCE_SECONDS):
        await told.wrote.wait()
        running.cancel()
        await upstream.requests[0].disconnected.wait()


# Before the first text: tried again, then a fallback


async def test_the_wait_that_the_provider_asks_for_is_kept(
    groq: Provider, upstream: FakeUpstream
) -> None:
    clock = ManualClock()
    upstream.script(Reply(status=429, retry_after="7"), Reply(PIECES))
    told = await run(groq, clock=clock)
    assert told.restarts == 0
    assert clock.sleeps == [7]


@pytest.mark.parametrize("chance", [0, 0.5, 1])
async def test_with_no_wait_asked_for_the_pauses_grow_with_full_jitter(
    groq: Provider, upstream: FakeUpstream, chance: float
) -> None:
    clock = ManualClock(chance=chance)
    upstream.script(Reply(status=429), Reply(status=500), Reply(PIECES))
    assert (await run(groq, clock=clock)).text == ANSWER
    assert clock.sleeps == [0.5 * chance, 1.0 * chance]


async def test_a_wait_beyond_the_time_for_the_first_text_goes_to_the_fallback(
    groq: Provider, knowledge: Provider, upstream: FakeUpstream
) -> None:
    clock = ManualClock()
    upstream.script(Reply(status=429, retry_after="31"))
    told = await run(groq, knowledge, clock=clock)
    assert clock.sleeps == []
    assert len(upstream.requests) == 1
    assert told.ended.provider == "knowledge"


async def test_waits_add_up_towards_the_time_for_the_first_text(
    groq: Provider, knowledge: Provider, upstream: FakeUpstream
) -> None:
    clock = ManualClock()
    upstream.script(Reply(status=429, retry_after="20"), Reply(status=429, retry_after="20"))
    assert (await run(groq, knowledge, clock=clock)).ended.provider == "knowledge"
    assert clock.sleeps == [20]


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(status=500), "http_500"),
        (Reply(status=429, retry_after="0"), "http_429"),
        (Reply(PIECES, inject={0: MALFORMED}), "malformed"),
        (Reply(PIECES, inject={0: STREAM_ERROR}), "broken_off"),
        (Reply(PIECES, cut_at=5), "broken_off"),
        (Reply([]), "empty"),
        (Reply([" ", "\n\n"]), "empty"),
        (Reply(["<think>He is ", "a fool."]), "empty"),
        (Reply([], reasoning=["He is a fool."]), "empty"),
    ],
    ids=["500", "429", "malformed", "error", "cut", "empty", "blank", "thoughts", "reasoning"],
)
async def test_a_provider_that_never_gets_to_text_gives_way_and_the_reply_says_so(
    groq: Provider, knowledge: Provider, upstream: FakeUpstream, reply: Reply, reason: str
) -> None:
    upstream.default = reply
    told = await run(groq, knowledge)
    assert len(upstream.requests) == 3
    assert told.restarts == 0
    assert told.fallbacks == [("groq", reason)]
    assert told.text.startswith(FALLBACK_NOTE)
    assert "Sign out and in again." in told.text
    done = told.ended
    assert (done.provider, done.model) == ("knowledge", "articles")
    assert [citation.number for citation in done.citations] == [1]


@pytest.mark.parametrize("status", [400, 401, 403, 404])
async def test_a_refusal_for_good_is_not_tried_again(
    groq: Provider, knowledge: Provider, upstream: FakeUpstream, status: int
) -> None:
    upstream.default = Reply(status=status)
    assert (await run(groq, knowledge)).ended.provider == "knowledge"
    assert len(upstream.requests) == 1


@pytest.mark.parametrize("purpose", [Purpose.DRAFT, Purpose.SUMMARY])
async def test_staff_texts_carry_no_note_about_the_fallback(
    groq: Provider, knowledge: Provider, upstream: FakeUpstream, purpose: Purpose
) -> None:
    upstream.default = Reply(status=401)
    told = await run(groq, knowledge, request=ask(purpose))
    assert told.ended.provider == "knowledge"
    assert FALLBACK_NOTE not in told.text


async def test_a_fallback_that_hands_off_says_both(
    groq: Provider, knowledge: Provider, upstream: FakeUpstream
) -> None:
    upstream.default = Reply(status=401)
    told = await run(groq, knowledge, request=ask(passages=()))
    assert told.text.startswith(FALLBACK_NOTE)
    assert told.text.endswith(HANDOFF_SENTENCES[HandoffReason.MISSING_KNOWLEDGE])
    assert told.ended.handoff is HandoffReason.MISSING_KNOWLEDGE


async def test_with_no_fallback_the_generation_fails_and_says_what_to_do(
    groq: Provider, upstream: FakeUpstream
) -> None:
    upstream.default = Reply(status=429, retry_after="90")
    told, failure = await run_to_failure(groq)
    assert told.events == []
    assert failure.code == "ai_provider_unavailable"
    assert failure.status == 503
    assert failure.retry_after == 90
    assert "try again" in failure.detail
    assert "groq" not in failure.detail


async def test_when_the_fallback_fails_too_its_failure_is_the_last_word(
    groq: Provider, upstream: FakeUpstream
) -> None:
    openai = make_provider("openai", load_settings(ai_base_url=f"{upstream.url}/v1"))
    upstream.default = Reply(status=403)
    _, failure = await run_to_failure(groq, openai)
    await openai.aclose()
    assert failure.provider == "openai"


# After some text: restarted, or an open failure


async def test_an_answer_that_breaks_off_restarts(groq: Provider, upstream: FakeUpstream) -> None:
    for broken in (
        Reply(PIECES, inject={1: MALFORMED}),
        Reply(PIECES, inject={2: STREAM_ERROR}),
        Reply(PIECES, cut_before=2),
        Reply(PIECES, finish_reason=None, done=False),
    ):
        upstream.script(broken, Reply(PIECES))
        told = await run(groq)
        assert told.restarts == 1
        assert told.text == ANSWER
        assert len(told.ended.citations) == 1


async def test_a_restarted_answer_has_the_whole_time_for_its_first_text(
    groq: Provider, upstream: FakeUpstream
) -> None:
    clock = ManualClock()
    upstream.script(
        Reply(status=429, retry_after="29"), Reply(PIECES, inject={1: MALFORMED}), Reply(PIECES)
    )
    assert (await run(groq, clock=clock)).text == ANSWER
    assert clock.sleeps == [29, 1]
    assert clock.waits[0] == 30


async def test_an_answer_that_always_breaks_off_fails_openly(
    groq: Provider, knowledge: Provider, upstream: FakeUpstream
) -> None:
    upstream.default = Reply(PIECES, inject={1: MALFORMED})
    told, failure = await run_to_failure(groq, knowledge)
    assert len(upstream.requests) == 3
    assert told.restarts == 2
    assert failure.code == "ai_provider_unavailable"
    assert failure.provider == "groq"


async def test_a_discarded_answer_that_cannot_be_tried_again_goes_to_the_fallback(
    groq: Provider, knowledge: Provider, upstream: FakeUpstream
) -> None:
    upstream.script(Reply(PIECES, inject={1: MALFORMED}))
    upstream.default = Reply(status=500)
    told = await run(groq, knowledge)
    assert told.restarts == 1
    assert told.fallbacks == [("groq", "http_500")]
    assert told.text.startswith(FALLBACK_NOTE)


async def test_thoughts_without_a_beginning_discard_what_was_shown(
    groq: Provider, upstream: FakeUpstream
) -> None:
    upstream.script(Reply(["He is a fool. ", "Be kind.</think>", "\n\nHello ", "Ada."]))
    told = await run(groq)
    assert told.restarts == 1
    assert told.text == "Hello Ada."


# Time


async def test_a_slow_first_token_goes_to_the_fallback(
    groq: Provider, knowledge: Provider, upstream: FakeUpstream
) -> None:
    upstream.script(Reply(PIECES, gate=asyncio.Event()))
    clock = ManualClock()
    running = asyncio.create_task(run(groq, knowledge, clock=clock))
    received = await upstream.received()
    clock.run_out()
    told = await running
    assert clock.waits[0] == 30
    assert told.fallbacks == [("groq", "timeout")]
    async with asyncio.timeout(PATIENCE_SECONDS):
        await received.disconnected.wait()


async def test_thinking_aloud_is_not_the_first_text(
    groq: Provider, knowledge: Provider, upstream: FakeUpstream
) -> None:
    upstream.script(Reply(["<think>", "Well, "], gate=asyncio.Event(), gate_at=1))
    clock = ManualClock(expire={2})
    assert (await run(groq, knowledge, clock=clock)).ended.provider == "knowledge"
    assert clock.waits[:2] == [30, 30]


async def test_silence_in_mid_answer_restarts_it(groq: Provider, upstream: FakeUpstream) -> None:
    upstream.script(Reply(PIECES, gate=asyncio.Event(), gate_at=1), Reply(PIECES))
    clock = ManualClock(expire={2})
    told = await run(groq, clock=clock, limits=Limits(silence=12))
    assert clock.waits[:2] == [30, 12]
    assert told.restarts == 1
    assert told.text == ANSWER


async def test_the_whole_time_cuts_an_answer(groq: Provider, upstream: FakeUpstream) -> None:
    upstream.script(Reply(PIECES, gate=asyncio.Event(), gate_at=1))
    clock = ManualClock(expire={2})
    told = await run(groq, clock=clock, limits=Limits(silence=12, total=10))
    assert clock.waits == [10, 10]
    assert told.text == "Hello Ada, " + CUT
    assert told.ended.finish_reason == "length"


async def test_no_fallback_is_asked_when_the_whole_time_is_up(
    groq: Provider, knowledge: Provider, upstream: FakeUpstream
) -> None:
    upstream.script(Reply(PIECES, gate=asyncio.Event()))
    told = Told()
    with pytest.raises(GenerationFailed):
        await run(groq, knowledge, limits=Limits(total=5), clock=ManualClock(expire={1}), told=told)
    assert told.events == []


async def test_limits_come_from_the_settings() -> None:
    settings = load_settings(
        ai_first_text_seconds=1, ai_silence_seconds=2, ai_total_seconds=3, ai_retries=4
    )
    assert Limits.of(settings) == Limits(first_text=1, silence=2, total=3, retries=4)


# Length
