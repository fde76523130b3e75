"""The parts shared by all providers that use the chat completions API.

The format is OpenAI's (https://platform.openai.com/docs/api-reference/chat-streaming). Servers
differ in the details, so every field here is optional and null counts as missing.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import httpx
from pydantic import BaseModel, ConfigDict, JsonValue, SecretStr, ValidationError

from seedx_server.ai.core import HandoffReason, Purpose
from seedx_server.ai.providers.protocol import (
    Finished,
    Handoff,
    ProviderError,
    ProviderEvent,
    TextDelta,
)

USAGE_GRACE_SECONDS = 2.0
"""How long to wait for the token counts, which arrive after the end of the text."""

REASONS_OF_A_MODEL = (
    HandoffReason.CUSTOMER_REQUEST,
    HandoffReason.MISSING_KNOWLEDGE,
    HandoffReason.POLICY,
)
HAND_OFF = "hand_off"
HAND_OFF_DESCRIPTION = "Pass this ticket to a person of the support team."
HAND_OFF_PARAMETERS: dict[str, object] = {
    "type": "object",
    "properties": {
        "reason": {
            "type": "string",
            "enum": [reason.value for reason in REASONS_OF_A_MODEL],
            "description": (
                "customer_request: the customer asks for a person. "
                "missing_knowledge: the passages do not answer the question. "
                "policy: refunds, legal matters, security promises or anything else that "
                "only staff may decide."
            ),
        }
    },
    "required": ["reason"],
    "additionalProperties": False,
}
"""The JSON schema of the tool with which a model hands off to a person."""

EXAMPLE_URL = "http://localhost:11434/v1"

RETRYABLE_STATUS = frozenset({408, 409, 425, 429, 498})
"""In addition to every 5xx. 498 is Groq's "capacity exceeded"."""

RETRYABLE_CODES = frozenset({"tool_use_failed"})
"""The codes of a 400 that is not the request's fault: the model wrote a bad tool call (Groq)."""


class _Lenient(BaseModel):
    model_config = ConfigDict(from_attributes=True, extra="ignore")


class CalledFunction(_Lenient):
    """A piece of a function call."""

    name: str | None = None
    arguments: str | None = None


class ToolCallDelta(_Lenient):
    """A piece of one tool call; `index` says which one."""

    index: int | None = None
    function: CalledFunction | None = None


class Delta(_Lenient):
    """A piece of the answer. The fields that hold the model's reasoning are not read."""

    content: str | None = None
    tool_calls: list[ToolCallDelta] | None = None


class Choice(_Lenient):
    """The one answer that was requested."""

    delta: Delta | None = None
    finish_reason: str | None = None


class TokenCounts(_Lenient):
    """Token counts, as the provider reports them."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class GroqDetails(_Lenient):
    """The extra fields in Groq's first and last chunk."""

    usage: TokenCounts | None = None
    error: str | None = None


class ChatChunk(_Lenient):
    """One event of the stream."""

    choices: list[Choice] | None = None
    usage: TokenCounts | None = None
    x_groq: GroqDetails | None = None
    object: str | None = None
    error: JsonValue = None


class HandOffArguments(BaseModel):
    """The arguments of the hand-off tool."""

    reason: HandoffReason


class ChatReader:
    """Turns the chunks of one answer into provider events."""

    def __init__(self) -> None:
        self._finish_reason: str | None = None
        self._counts = TokenCounts()
        self._calls: dict[int, CalledFunction] = {}

    @property
    def finished(self) -> bool:
        """Whether the model has reported the end of its answer."""
        return self._finish_reason is not None

    def read(self, chunk: ChatChunk) -> str:
        """Process a chunk and return the text it adds.

        Raises:
            ProviderError: The provider reports that it stopped early.
        """
        details = chunk.x_groq or GroqDetails()
        if chunk.error or details.error or chunk.object == "error":
            raise stream_error(chunk.error)
        self._counts = chunk.usage or details.usage or self._counts
        if not chunk.choices:
            return ""
        choice = chunk.choices[0]
        self._finish_reason = choice.finish_reason or self._finish_reason
        delta = choice.delta or Delta()
        for call in delta.tool_calls or ():
            self._add_call(call)
        return delta.content or ""

    def end(self) -> list[ProviderEvent]:
        """Return the events that follow the text."""
        reason = "stop" if self._calls or not self._finish_reason else self._finish_reason
        counts = self._counts
        finished = Finished(reason, counts.prompt_tokens, counts.completion_tokens)
        calls = [call for call in self._calls.values() if call.name == HAND_OFF]
        return [_handoff(calls[0].arguments or ""), finished] if calls else [finished]

    def _add_call(self, delta: ToolCallDelta) -> None:
        if delta.function is None:
            return
        call = self._calls.setdefault(delta.index or 0, CalledFunction(arguments=""))
        call.name = call.name or delta.function.name
        call.arguments = (call.arguments or "") + (delta.function.arguments or "")


def _handoff(arguments: str) -> Handoff:
    """Parse the tool's arguments; if the model garbled them, it cannot answer the question."""
    try:
        reason = HandOffArguments.model_validate_json(arguments).reason
    except ValidationError:
        reason = HandoffReason.MISSING_KNOWLEDGE
    if reason not in REASONS_OF_A_MODEL:
        reason = HandoffReason.MISSING_KNOWLEDGE
    return Handoff(reason)


async def chat_events(
    chunks: AsyncGenerator[ChatChunk, None],
) -> AsyncGenerator[ProviderEvent, None]:
    """Yield the events of one answer from its chunks; closing it closes their connection.

    A failure after the model has reported the end loses only the token counts, so the answer
    still counts as complete.

    Args:
        chunks: The stream. It ends when the connection does, or at `[DONE]`.

    Raises:
        ProviderError: The stream failed, or ended before the model finished.
    """
    reader = ChatReader()
    async with aclosing(chunks):
        while True:
            wait = USAGE_GRACE_SECONDS if reader.finished else None
            try:
                async with asyncio.timeout(wait):
                    chunk = await anext(chunks)
                text = reader.read(chunk)
            except StopAsyncIteration:
                break
            except (ProviderError, TimeoutError):
                if not reader.finished:
                    raise
                break
            if text:
                yield TextDelta(text)
    if not reader.finished:
        raise broken_off()
    for event in reader.end():
        yield event


def may_hand_off(purpose: Purpose) -> bool:
    """Return whether a run of this purpose can be handed off; a summary is for staff anyway."""
    return purpose is not Purpose.SUMMARY


def unreachable() -> ProviderError:
    """Return the error for a connection that could not be made."""
    return ProviderError("it cannot be reached", reason="unreachable", retryable=True)


def broken_off() -> ProviderError:
    """Return the error for a connection that ended before the answer did."""
    detail = "the connection was lost in mid-answer"
    return ProviderError(detail, reason="broken_off", retryable=True)


def stream_error(error: object) -> ProviderError:
    """Return the error for a failure that the provider reports inside the stream."""
    code = error_code(error)
    detail = f"it failed in mid-stream{f' ({code})' if code else ''}"
    return ProviderError(detail, reason="broken_off", retryable=True)


def malformed() -> ProviderError:
    """Return the error for a chunk that cannot be read."""
    return ProviderError("it sent a malformed chunk", reason="malformed", retryable=True)


def parse_chunk(data: object) -> ChatChunk:
    """Parse a chunk from a JSON object or from an SDK's model of one.

    Raises:
        ProviderError: It is neither, or a field has the wrong type.
    """
    if isinstance(data, (str, bytes, int, float, list)) or data is None:
        raise malformed()
    try:
        return ChatChunk.model_validate(data)
    except ValidationError:
        raise malformed() from None


def status_error(status: int, headers: Mapping[str, str], body: object) -> ProviderError:
    """Return the error for a response that is not a success.

    The provider's own message is left out, because servers repeat keys and prompts in it. Its
    code is kept if it looks like one.
    """
    code = error_code(body)
    refused_for_now = status in RETRYABLE_STATUS or code in RETRYABLE_CODES
    retryable = refused_for_now or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    words = _EXPLANATIONS.get(status) or _phrase(status)
    detail = f"HTTP {status}{f' ({code})' if code else ''}: {words}"
    return ProviderError(
        detail,
        reason=f"http_{status}",
        retryable=retryable,
        retry_after=retry_after(headers.get("retry-after")),
    )


_EXPLANATIONS = {
    400: "it refused the request",
    401: "it refused the key",
    403: "the key is not allowed to do this",
    404: "it has no such model or address",
    413: "the prompt is too long for it",
    429: "too many requests",
}


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase.lower()
    except ValueError:
        return "it failed"


def error_code(body: object) -> str | None:
    """Return the `code` or `type` of an error document, or None if none is safe to show."""
    error = body.get("error", body) if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return None
    for name in ("code", "type"):
        value = error.get(name)
        if isinstance(value, str) and re.fullmatch(r"[a-z][a-z_]{0,39}", value):
            return value
    return None


def retry_after(value: str | None, *, now: datetime | None = None) -> float | None:
    """Parse a `Retry-After` header: seconds or an HTTP date (RFC 9110, section 10.2.3).

    Returns:
        Seconds from now, never negative; None if the header is missing or malformed.
    """
    if value is None:
        return None
    if re.fullmatch(r"\d{1,9}(\.\d+)?", value.strip()):
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())


def usable_url(setting: str, value: str | None) -> str:
    """Return the address of a server, without a trailing slash.

    Raises:
        ProviderError: It is missing, it is not an HTTP address, or it contains a password, which
            the HTTP library would log.
    """
    if not value:
        raise ProviderError(f"{setting}: must be set for this provider")
    try:
        url = httpx.URL(value.rstrip("/"))
    except httpx.InvalidURL:
        raise _not_an_address(setting) from None
    if url.scheme not in {"http", "https"} or not url.host:
        raise _not_an_address(setting)
    if url.userinfo:
        raise ProviderError(f"{setting}: must not contain a password; the key has its own setting")
    return str(url)


def _not_an_address(setting: str) -> ProviderError:
    return ProviderError(f"{setting}: is not an address such as {EXAMPLE_URL}")


def usable_key(setting: str, key: SecretStr | None) -> str:
    """Return a key that can be sent in a header.

    Raises:
        ProviderError: It is missing, or has characters that a header must not contain.
    """
    value = key.get_secret_value().strip() if key else ""
    if not value:
        raise ProviderError(f"{setting}: must be set for this provider")
    if not value.isascii() or not value.isprintable() or " " in value:
        raise ProviderError(f"{setting}: must be the key alone, without spaces or line breaks")
    return value
