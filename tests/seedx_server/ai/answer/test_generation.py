"""One answer from the chosen provider and its stand-ins, whatever the upstream does."""

import asyncio

import pytest

from seedx_server.ai.answer.generation import (
    Done,
    FellBack,
    GenerationFailed,
    Limits,
    Started,
    Text,
    generate,
)
from seedx_server.ai.answer.sentences import HANDOFF_SENTENCES, STAND_IN_NOTE
from seedx_server.ai.core import HandoffReason, Purpose, Usage
from seedx_server.ai.providers.protocol import (
    Provider,
)
from seedx_server.ai.providers.registry import make_provider
from seedx_server.config import load_settings
from tests.fake_upstream import MALFORMED, STREAM_ERROR, FakeUpstream, Reply
from tests.generations import (
    ANSWER,
    CUT,
    MODEL,
    PIECES,
    ManualClock,
    ask,
    done_of,
    kinds,
    run,
    run_to_failure,
    text_of,
)
from tests.waiting import PATIENCE_SECONDS


async def test_an_answer_streams_and_says_how_it_ended(
    groq: Provider, upstream: FakeUpstream
) -> None:
    upstream.script(Reply(PIECES))
    events = await run(groq)
    assert kinds(events) == ["Started", "Text", "Done"]
    assert events[0] == Started("groq", MODEL)
    assert text_of(events) == ANSWER
    assert done_of(events) == Done(
        finish_reason="stop",
        usage=Usage(prompt_tokens=21, completion_tokens=13),
        handoff=None,
        cited=(1,),
        provider="groq",
        model=MODEL,
        fallback=False,
    )


async def test_text_comes_before_the_answer_is_complete(
    groq: Provider, upstream: FakeUpstream
) -> None:
    gate = asyncio.Event()
    upstream.script(Reply(PIECES, gate=gate, gate_at=1))
    answer = generate(ask(), [groq])
    assert await anext(answer) == Started("groq", MODEL)
    assert await anext(answer) == Text("Hello Ada,")
    gate.set()
    assert text_of([event async for event in answer]) == ANSWER.removeprefix("Hello Ada,")


async def test_giving_up_the_answer_closes_the_connection(
    groq: Provider, upstream: FakeUpstream
) -> None:
    upstream.script(Reply(PIECES, endless=True))
    answer = generate(ask(), [groq])
    assert await anext(answer) == Started("groq", MODEL)
    assert isinstance(await anext(answer), Text)
    await answer.aclose()
    async with asyncio.timeout(PATIENCE_SECONDS):
        await upstream.requests[0].disconnected.wait()


# Before the first text: tried again, then a stand-in


async def test_the_wait_that_the_provider_asks_for_is_kept(
    groq: Provider, upstream: FakeUpstream
) -> None:
    clock = ManualClock()
    upstream.script(Reply(status=429, retry_after="7"), Reply(PIECES))
    events = await run(groq, clock=clock)
    assert kinds(events) == ["Started", "Text", "Done"]
    assert clock.sleeps == [7]


@pytest.mark.parametrize("chance", [0, 0.5, 1])
async def test_with_no_wait_asked_for_the_pauses_grow_with_full_jitter(
    groq: Provider, upstream: FakeUpstream, chance: float
) -> None:
    clock = ManualClock(chance=chance)
    upstream.script(Reply(status=429), Reply(status=500), Reply(PIECES))
    assert text_of(await run(groq, clock=clock)) == ANSWER
    assert clock.sleeps == [0.5 * chance, 1.0 * chance]


async def test_a_wait_beyond_the_time_for_the_first_text_goes_to_the_stand_in(
    groq: Provider, knowledge: Provider, upstream: FakeUpstream
) -> None:
    clock = ManualClock()
    upstream.script(Reply(status=429, retry_after="31"))
    events = await run(groq, knowledge, clock=clock)
    assert clock.sleeps == []
    assert len(upstream.requests) == 1
    assert done_of(events).provider == "knowledge"


async def test_waits_add_up_towards_the_time_for_the_first_text(
    groq: Provider, knowledge: Provider, upstream: FakeUpstream
) -> None:
    clock = ManualClock()
    upstream.script(Reply(status=429, retry_after="20"), Reply(status=429, retry_after="20"))
    assert done_of(await run(groq, knowledge, clock=clock)).fallback
    assert clock.sleeps == [20]


@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=500),
        Reply(status=429, retry_after="0"),
        Reply(PIECES, inject={0: MALFORMED}),
        Reply(PIECES, inject={0: STREAM_ERROR}),
        Reply(PIECES, cut_at=5),
        Reply([]),
        Reply([" ", "\n\n"]),
        Reply(["<think>He is ", "a fool."]),
        Reply([], reasoning=["He is a fool."]),
    ],
    ids=["500", "429", "malformed", "error", "cut", "empty", "blank", "thoughts", "reasoning"],
)
async def test_a_provider_that_never_gets_to_text_gives_way_and_the_reply_says_so(
    groq: Provider, knowledge: Provider, upstream: FakeUpstream, reply: Reply
) -> None:
    upstream.default = reply
    events = await run(groq, knowledge)
    assert len(upstream.requests) == 3
    assert kinds(events) == ["Started", "FellBack", "Started", "Text", "Done"]
    fell_back = events[1]
    assert isinstance(fell_back, FellBack)
    assert (fell_back.failed, fell_back.stand_in) == ("groq", "knowledge")
    assert text_of(events).startswith(STAND_IN_NOTE)
    assert "Sign out and in again." in text_of(events)
    done = done_of(events)
    assert (done.provider, done.model, done.fallback) == ("knowledge", "articles", True)
    assert done.cited == (1,)


@pytest.mark.parametrize("status", [400, 401, 403, 404])
async def test_a_refusal_for_good_is_not_tried_again(
    groq: Provider, knowledge: Provider, upstream: FakeUpstream, status: int
) -> None:
    upstream.default = Reply(status=status)
    assert done_of(await run(groq, knowledge)).fallback
    assert len(upstream.requests) == 1


@pytest.mark.parametrize("purpose", [Purpose.DRAFT, Purpose.SUMMARY])
async def test_staff_texts_carry_no_note_about_the_stand_in(
    groq: Provider, knowledge: Provider, upstream: FakeUpstream, purpose: Purpose
) -> None:
    upstream.default = Reply(status=401)
    events = await run(groq, knowledge, request=ask(purpose))
    assert done_of(events).fallback
    assert STAND_IN_NOTE not in text_of(events)


async def test_a_stand_in_that_hands_off_says_both(
    groq: Provider, knowledge: Provider, upstream: FakeUpstream
) -> None:
    upstream.default = Reply(status=401)
    events = await run(groq, knowledge, request=ask(passages=()))
    assert text_of(events).startswith(STAND_IN_NOTE)
    assert text_of(events).endswith(HANDOFF_SENTENCES[HandoffReason.MISSING_KNOWLEDGE])
    assert done_of(events).handoff is HandoffReason.MISSING_KNOWLEDGE


async def test_with_no_stand_in_the_generation_fails_and_says_what_to_do(
    groq: Provider, upstream: FakeUpstream
) -> None:
    upstream.default = Reply(status=429, retry_after="90")
    events, failure = await run_to_failure(groq)
    assert kinds(events) == ["Started"]
    assert failure.code == "ai_provider_unavailable"
    assert failure.status == 503
    assert failure.retry_after == 90
    assert failure.retryable
    assert "try again" in failure.detail
    assert "groq" not in failure.detail
    assert "429" in failure.reason


async def test_when_the_stand_in_fails_too_its_failure_is_the_last_word(
    groq: Provider, upstream: FakeUpstream
) -> None:
    openai = make_provider("openai", load_settings(ai_base_url=f"{upstream.url}/v1"))
    upstream.default = Reply(status=403)
    _, failure = await run_to_failure(groq, openai)
    await openai.aclose()
    assert failure.provider == "openai"
    assert not failure.retryable


# After some text: anew, or an open failure


async def test_an_answer_that_breaks_off_begins_anew(
    groq: Provider, upstream: FakeUpstream
) -> None:
    for broken in (
        Reply(PIECES, inject={1: MALFORMED}),
        Reply(PIECES, inject={2: STREAM_ERROR}),
        Reply(PIECES, cut_before=2),
        Reply(PIECES, finish_reason=None, done=False),
    ):
        upstream.script(broken, Reply(PIECES))
        events = await run(groq)
        assert kinds(events) == ["Started", "Text", "Restarted", "Text", "Done"]
        assert text_of(events) == ANSWER
        assert done_of(events).cited == (1,)


async def test_an_answer_begun_anew_has_the_whole_time_for_its_first_text(
    groq: Provider, upstream: FakeUpstream
) -> None:
    clock = ManualClock()
    upstream.script(
        Reply(status=429, retry_after="29"), Reply(PIECES, inject={1: MALFORMED}), Reply(PIECES)
    )
    assert text_of(await run(groq, clock=clock)) == ANSWER
    assert clock.sleeps == [29, 1]
    assert clock.waits[0] == 30


async def test_an_answer_that_always_breaks_off_fails_openly(
    groq: Provider, knowledge: Provider, upstream: FakeUpstream
) -> None:
    upstream.default = Reply(PIECES, inject={1: MALFORMED})
    events, failure = await run_to_failure(groq, knowledge)
    assert len(upstream.requests) == 3
    assert kinds(events) == ["Started", "Text", "Restarted", "Text", "Restarted", "Text"]
    assert failure.code == "ai_provider_unavailable"
    assert failure.provider == "groq"


async def test_an_answer_voided_and_never_begun_again_goes_to_the_stand_in(
    groq: Provider, knowledge: Provider, upstream: FakeUpstream
) -> None:
    upstream.script(Reply(PIECES, inject={1: MALFORMED}))
    upstream.default = Reply(status=500)
    events = await run(groq, knowledge)
    assert kinds(events) == [
        *["Started", "Text", "Restarted", "FellBack", "Started", "Text", "Done"]
    ]
    assert text_of(events).startswith(STAND_IN_NOTE)


async def test_thoughts_without_a_beginning_void_what_was_shown(
    groq: Provider, upstream: FakeUpstream
) -> None:
    upstream.script(Reply(["He is a fool. ", "Be kind.</think>", "\n\nHello ", "Ada."]))
    events = await run(groq)
    assert kinds(events) == ["Started", "Text", "Restarted", "Text", "Done"]
    assert text_of(events) == "Hello Ada."


# Time


async def test_a_slow_first_token_goes_to_the_stand_in(
    groq: Provider, knowledge: Provider, upstream: FakeUpstream
) -> None:
    upstream.script(Reply(PIECES, gate=asyncio.Event()))
    clock = ManualClock()
    running = asyncio.create_task(run(groq, knowledge, clock=clock))
    received = await upstream.received()
    clock.run_out()
    events = await running
    assert clock.waits[0] == 30
    assert kinds(events) == ["Started", "FellBack", "Started", "Text", "Done"]
    assert "30 s" in str(events[1])
    async with asyncio.timeout(PATIENCE_SECONDS):
        await received.disconnected.wait()


async def test_thinking_aloud_is_no_first_text(
    groq: Provider, knowledge: Provider, upstream: FakeUpstream
) -> None:
    upstream.script(Reply(["<think>", "Well, "], gate=asyncio.Event(), gate_at=1))
    clock = ManualClock(expire={2})
    assert done_of(await run(groq, knowledge, clock=clock)).fallback
    assert clock.waits[:2] == [30, 30]


async def test_silence_in_mid_answer_begins_anew(groq: Provider, upstream: FakeUpstream) -> None:
    upstream.script(Reply(PIECES, gate=asyncio.Event(), gate_at=1), Reply(PIECES))
    clock = ManualClock(expire={2})
    events = await run(groq, clock=clock, limits=Limits(silence=12))
    assert clock.waits[:2] == [30, 12]
    assert kinds(events) == ["Started", "Text", "Restarted", "Text", "Done"]
    assert text_of(events) == ANSWER


async def test_the_whole_time_cuts_an_answer(groq: Provider, upstream: FakeUpstream) -> None:
    upstream.script(Reply(PIECES, gate=asyncio.Event(), gate_at=1))
    clock = ManualClock(expire={2})
    events = await run(groq, clock=clock, limits=Limits(silence=12, total=10))
    assert clock.waits == [10, 10]
    assert text_of(events) == "Hello Ada, " + CUT
    assert done_of(events).finish_reason == "length"


async def test_no_stand_in_is_asked_when_the_whole_time_is_up(
    groq: Provider, knowledge: Provider, upstream: FakeUpstream
) -> None:
    upstream.script(Reply(PIECES, gate=asyncio.Event()))
    answer = generate(
        ask(),
        [groq, knowledge],
        limits=Limits(total=5),
        clock=ManualClock(expire={1}).clock(),
    )
    with pytest.raises(GenerationFailed):
        assert [event async for event in answer] == []


async def test_limits_come_from_the_settings() -> None:
    settings = load_settings(
        ai_first_text_seconds=1, ai_silence_seconds=2, ai_total_seconds=3, ai_retries=4
    )
    assert Limits.of(settings) == Limits(first_text=1, silence=2, total=3, retries=4)


# Length
