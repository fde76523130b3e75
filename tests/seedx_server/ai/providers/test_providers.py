"""Providers that speak the chat completions API, against a scripted upstream."""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import httpx
import pytest

from seedx_server.ai.core import HandoffReason, Purpose
from seedx_server.ai.providers import chat
from seedx_server.ai.providers.chat import retry_after
from seedx_server.ai.providers.groq import DEFAULT_MODEL
from seedx_server.ai.providers.protocol import (
    ChatMessage,
    Finished,
    GenerationRequest,
    Handoff,
    Provider,
    ProviderError,
    ProviderEvent,
    TextDelta,
)
from seedx_server.ai.providers.registry import make_provider
from seedx_server.config import Settings, load_settings
from tests.fake_upstream import (
    COMMENT,
    MALFORMED,
    NO_CHOICES,
    NULL_CONTENT,
    STREAM_ERROR,
    FakeUpstream,
    Reply,
)
from tests.waiting import PATIENCE_SECONDS

KEY = "gsk_CanaryKey0123456789"
ANSWER = "Hello Ada, sign out and in again."
PIECES = ("Hello Ada, ", "sign out ", "and in again.")


@pytest.fixture
async def upstream() -> AsyncIterator[FakeUpstream]:
    async with FakeUpstream() as server:
        yield server


def settings_of(name: str, upstream: FakeUpstream, **more: object) -> Settings:
    if name == "groq":
        return load_settings(groq_api_key=KEY, groq_base_url=upstream.url, **more)
    return load_settings(ai_api_key=KEY, ai_base_url=f"{upstream.url}/v1", **more)


@pytest.fixture(params=["groq", "openai"])
async def provider(
    request: pytest.FixtureRequest, upstream: FakeUpstream
) -> AsyncIterator[Provider]:
    made = make_provider(request.param, settings_of(request.param, upstream))
    yield made
    await made.aclose()


def ask(purpose: Purpose = Purpose.REPLY, question: str = "I cannot sign in.") -> GenerationRequest:
    messages = [ChatMessage("system", "Be kind."), ChatMessage("user", question)]
    return GenerationRequest(purpose, messages, question, temperature=0.3, max_tokens=700)


async def events_of(provider: Provider, request: GenerationRequest) -> list[ProviderEvent]:
    return [event async for event in provider.stream(request)]


async def text_and_error(provider: Provider) -> tuple[str, ProviderError | None]:
    text = ""
    try:
        async for event in provider.stream(ask()):
            if isinstance(event, TextDelta):
                text += event.text
    except ProviderError as error:
        return text, error
    return text, None


async def failure_of(provider: Provider) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await events_of(provider, ask())
    return caught.value


# What goes there and back


async def test_text_comes_as_it_is_written_with_its_tokens(
    provider: Provider, upstream: FakeUpstream
) -> None:
    upstream.script(Reply(PIECES))
    assert await events_of(provider, ask()) == [
        *(TextDelta(piece) for piece in PIECES),
        Finished("stop", prompt_tokens=21, completion_tokens=13),
    ]


async def test_the_request_says_what_was_asked(provider: Provider, upstream: FakeUpstream) -> None:
    await events_of(provider, ask())
    [received] = upstream.requests
    assert received.headers["authorization"] == f"Bearer {KEY}"
    assert received.path.endswith("/v1/chat/completions")
    body = received.body
    assert body["model"] == provider.model
    assert body["messages"] == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "I cannot sign in."},
    ]
    assert body["stream"] is True
    assert body["temperature"] == 0.3
    assert 700 in {body.get("max_tokens"), body.get("max_completion_tokens")}


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
async def test_reasoning_is_no_text(provider: Provider, upstream: FakeUpstream, field: str) -> None:
    upstream.script(Reply(PIECES, reasoning=["He is ", "a fool."], reasoning_field=field))
    assert await text_and_error(provider) == (ANSWER, None)


async def test_an_answer_that_was_cut_by_the_model_says_so(
    provider: Provider, upstream: FakeUpstream
) -> None:
    upstream.script(Reply(PIECES, finish_reason="length"))
    assert (await events_of(provider, ask()))[-1] == Finished("length", 21, 13)


# Handing off


async def test_a_tool_call_in_pieces_is_a_handoff(
    provider: Provider, upstream: FakeUpstream
) -> None:
    upstream.script(Reply([], hand_off='{"reason": "policy"}', finish_reason="tool_calls"))
    assert await events_of(provider, ask()) == [
        Handoff(HandoffReason.POLICY),
        Finished("stop", 21, 13),
    ]


@pytest.mark.parametrize("arguments", ['{"reason": "limit"}', '{"reason": "bored"}', '{"rea', ""])
async def test_a_handoff_for_no_reason_of_a_models_means_that_it_does_not_know(
    provider: Provider, upstream: FakeUpstream, arguments: str
) -> None:
    upstream.script(Reply(PIECES, hand_off=arguments, finish_reason="tool_calls"))
    assert Handoff(HandoffReason.MISSING_KNOWLEDGE) in await events_of(provider, ask())


async def test_words_hand_off_nothing(provider: Provider, upstream: FakeUpstream) -> None:
    upstream.script(Reply(['hand_off({"reason": ', '"policy"}) HANDOFF [HANDOFF]']))
    events = await events_of(provider, ask())
    assert not [event for event in events if isinstance(event, Handoff)]


@pytest.mark.parametrize("purpose", list(Purpose))
async def test_replies_and_drafts_may_be_handed_off(
    provider: Provider, upstream: FakeUpstream, purpose: Purpose
) -> None:
    await events_of(provider, ask(purpose))
    tools = str(upstream.requests[0].body.get("tools", ""))
    assert ("customer_request" in tools) is (purpose is not Purpose.SUMMARY)
    assert "provider_failure" not in tools


# What servers really send


@pytest.mark.parametrize(
    "reply",
    [
        Reply(PIECES, compact=True),
        Reply(PIECES, inject={0: COMMENT, 2: COMMENT}),
        Reply(PIECES, inject={1: NO_CHOICES}),
        Reply(PIECES, inject={1: NULL_CONTENT}),
        Reply(PIECES, usage=None),
        Reply(PIECES, done=False),
        Reply(PIECES, done=False, usage=None, chunked=False),
        Reply(PIECES, chunked=False),
    ],
    ids=lambda reply: ",".join(
        f"{name}={getattr(reply, name)}" for name in ("compact", "inject", "usage", "done")
    ),
)
async def test_oddities_of_servers_do_no_harm(
    provider: Provider, upstream: FakeUpstream, reply: Reply
) -> None:
    upstream.script(reply)
    assert await text_and_error(provider) == (ANSWER, None)


async def test_tokens_that_nobody_counted_are_unknown(
    provider: Provider, upstream: FakeUpstream
) -> None:
    upstream.script(Reply(PIECES, usage=None))
    assert (await events_of(provider, ask()))[-1] == Finished("stop", None, None)


async def test_a_connection_that_stays_open_after_the_end_holds_nothing_up(
    provider: Provider, upstream: FakeUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat, "USAGE_GRACE_SECONDS", 0)
    upstream.script(Reply(PIECES, done=False, hangs=True))
    assert await text_and_error(provider) == (ANSWER, None)


async def test_an_empty_reply_is_no_text(provider: Provider, upstream: FakeUpstream) -> None:
    upstream.script(Reply([]))
    assert await events_of(provider, ask()) == [Finished("stop", 21, 13)]


# Failures


@pytest.mark.parametrize("chunked", [True, False])
async def test_a_cut_anywhere_is_a_failure_or_comes_after_the_end(
    provider: Provider, upstream: FakeUpstream, *, chunked: bool
) -> None:
    groq = provider.name == "groq"
    reply = Reply(["Grüße, ", "👋 Ada."], chunked=chunked)
    body = reply.body(groq=groq)
    at_wave = body.index("👋".encode())
    finish = body.index(b'"finish_reason":"stop"')
    places = {*range(0, len(body), 3), *range(at_wave - 4, at_wave + 6), len(body)}
    for place in sorted(places):
        upstream.script(Reply(reply.pieces, chunked=chunked, cut_at=place or 1))
        text, error = await text_and_error(provider)
        assert "Grüße, 👋 Ada.".startswith(text)
        if place <= finish:
            assert error is not None, f"cut after {place} bytes"
            assert error.retryable
        elif place > body.index(b"\n\n", finish) + 2:
            assert (text, error) == ("Grüße, 👋 Ada.", None), f"cut after {place} bytes"


@pytest.mark.parametrize(
    "junk",
    [
        MALFORMED,
        STREAM_ERROR,
        b"data: nonsense\n\n",
        b"data: 5\n\n",
        b"data: []\n\n",
        b'data: {"choices":[{"delta":{"content":5}}]}\n\n',
        b'data: {"choices":"none"}\n\n',
        b'data: {"choices":[{"delta":{"content":"\xff"}}]}\n\n',
        b'data: {"choices":[],"x_groq":{"error":"over capacity"}}\n\n',
        b'event: error\ndata: {"error":{"message":"no"}}\n\n',
    ],
)
async def test_junk_in_the_stream_is_a_failure_worth_another_try(
    provider: Provider, upstream: FakeUpstream, junk: bytes
) -> None:
    upstream.script(Reply(PIECES, inject={1: junk}))
    text, error = await text_and_error(provider)
    assert text == PIECES[0]
    assert error is not None
    assert error.retryable


@pytest.mark.parametrize(
    ("status", "retryable"),
    [
        *[(400, False), (401, False), (403, False), (404, False), (413, False), (422, False)],
        *[(408, True), (429, True), (498, True), (500, True), (502, True), (503, True)],
    ],
)
async def test_a_refusal_says_whether_another_try_may_help(
    provider: Provider, upstream: FakeUpstream, status: int, *, retryable: bool
) -> None:
    upstream.default = Reply(status=status)
    error = await failure_of(provider)
    assert str(status) in error.detail
    assert error.retryable is retryable
    assert error.retry_after is None


async def test_a_bad_tool_call_of_the_models_is_worth_another_try(
    provider: Provider, upstream: FakeUpstream
) -> None:
    upstream.default = Reply(status=400, error={"error": {"code": "tool_use_failed"}})
    error = await failure_of(provider)
    assert error.retryable
    assert "tool_use_failed" in error.detail


async def test_the_wait_that_is_asked_for_is_told(
    provider: Provider, upstream: FakeUpstream
) -> None:
    upstream.script(Reply(status=429, retry_after="17"))
    assert (await failure_of(provider)).retry_after == 17


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("17", 17),
        ("0.25", 0.25),
        (" 3 ", 3),
        ("-1", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_in_seconds(value: str | None, seconds: float | None) -> None:
    assert retry_after(value) == seconds


def test_retry_after_as_a_date() -> None:
    now = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    later = format_datetime(now + timedelta(seconds=90), usegmt=True)
    earlier = format_datetime(now - timedelta(seconds=90), usegmt=True)
    assert retry_after(later, now=now) == 90
    assert retry_after(earlier, now=now) == 0


@pytest.mark.parametrize("name", ["groq", "openai"])
async def test_a_server_that_is_not_there_may_come_back(name: str) -> None:
    async with FakeUpstream() as gone:
        settings = settings_of(name, gone)
    provider = make_provider(name, settings)
    error = await failure_of(provider)
    await provider.aclose()
    assert error.retryable
    assert "cannot be reached" in error.detail


async def test_closing_the_answer_closes_the_connection(
    provider: Provider, upstream: FakeUpstream
) -> None:
    upstream.script(Reply(PIECES, endless=True))
    stream = provider.stream(ask())
    assert isinstance(stream, AsyncIterator)
    assert await anext(stream) == TextDelta(PIECES[0])
    await stream.aclose()  # type: ignore[attr-defined]  # the built-in providers are generators
    async with asyncio.timeout(PATIENCE_SECONDS):
        await upstream.requests[0].disconnected.wait()


# Keys and prompts stay where they belong


@pytest.mark.parametrize("status", [200, 400, 401, 429, 500])
async def test_neither_key_nor_prompt_is_logged_or_shown(
    provider: Provider, upstream: FakeUpstream, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    caplog.set_level(logging.DEBUG)
    leak = {"error": {"message": f"Bad key {KEY} for prompt-canary", "code": KEY, "type": KEY}}
    upstream.default = Reply(PIECES, status=status, error=leak)
    shown = ""
    try:
        await events_of(provider, ask(question="prompt-canary"))
    except ProviderError as error:
        shown = f"{error} {error!r} {error.detail} {error.__cause__!r}"
    shown += repr(provider) + str(vars(provider)) + caplog.text
    assert KEY not in shown
    assert "prompt-canary" not in shown


# Groq alone


async def test_groq_has_a_default_model_that_thinks_little(upstream: FakeUpstream) -> None:
    provider = make_provider("groq", settings_of("groq", upstream))
    await events_of(provider, ask())
    await provider.aclose()
    assert provider.model == DEFAULT_MODEL
    assert upstream.requests[0].body["reasoning_effort"] == "low"


async def test_other_models_of_groq_are_not_told_how_to_think(upstream: FakeUpstream) -> None:
    provider = make_provider("groq", settings_of("groq", upstream, ai_model="llama-x"))
    await events_of(provider, ask())
    await provider.aclose()
    assert upstream.requests[0].body["model"] == "llama-x"
    assert "reasoning_effort" not in upstream.requests[0].body


async def test_groqs_address_may_be_given_with_its_path(upstream: FakeUpstream) -> None:
    settings = load_settings(groq_api_key=KEY, groq_base_url=f"{upstream.url}/openai/v1/")
    provider = make_provider("groq", settings)
    await events_of(provider, ask())
    await provider.aclose()
    assert upstream.requests[0].path == "/openai/v1/chat/completions"


# OpenAI-compatible servers alone


@pytest.mark.parametrize("status", [400, 422])
async def test_a_server_that_refuses_tools_is_asked_without(
    upstream: FakeUpstream, status: int
) -> None:
    upstream.script(Reply(status=status), Reply(PIECES))
    provider = make_provider("openai", settings_of("openai", upstream))
    assert await text_and_error(provider) == (ANSWER, None)
    await provider.aclose()
    first, second = upstream.requests
    assert {"tools", "stream_options"} <= set(first.body)
    assert not {"tools", "stream_options"} & set(second.body)


async def test_an_error_line_of_an_older_server_is_a_failure(upstream: FakeUpstream) -> None:
    upstream.script(Reply(PIECES, inject={1: b'error: {"message":"slot unavailable"}\n\n'}))
    provider = make_provider("openai", settings_of("openai", upstream))
    _, error = await text_and_error(provider)
    await provider.aclose()
    assert error is not None
    assert error.retryable


@pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/"])
async def test_the_address_may_be_given_with_or_without_its_version(
    upstream: FakeUpstream, path: str
) -> None:
    provider = make_provider("openai", load_settings(ai_base_url=upstream.url + path))
    await events_of(provider, ask())
    await provider.aclose()
    [received] = upstream.requests
    assert received.path == "/v1/chat/completions"
    assert "authorization" not in received.headers


async def test_a_line_without_end_does_not_fill_the_memory(
    upstream: FakeUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seedx_server.ai.providers.openai.LONGEST_LINE", 1_000)
    upstream.script(Reply(PIECES, inject={1: b"data: " + b"x" * 5_000}, hangs=True))
    provider = make_provider("openai", settings_of("openai", upstream))
    _, error = await text_and_error(provider)
    await provider.aclose()
    assert error is not None
    assert "malformed" in error.detail


# The upstream as a process


async def test_the_upstream_runs_as_a_process_of_its_own(tmp_path: Path) -> None:
    port_file, record = tmp_path / "port", tmp_path / "requests"
    options = ["--port-file", str(port_file), "--record", str(record), "--text", "Hello Ada."]
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "tests.fake_upstream", *options],
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[4],
    )
    try:
        assert process.stdout is not None
        address = (await process.stdout.readline()).decode().strip()
        assert address == f"http://127.0.0.1:{port_file.read_text()}"
        async with httpx.AsyncClient(timeout=PATIENCE_SECONDS) as client:
            response = await client.post(f"{address}/v1/chat/completions", json={"messages": []})
        assert "Hello " in response.text
        assert '"messages": []' in record.read_text()
    finally:
        process.terminate()
        await process.wait()
