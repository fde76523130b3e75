"""Any server that speaks OpenAI's chat completions API: Ollama, vLLM, llama.cpp and others."""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack

import httpx
from pydantic import ValidationError

from seedx_server.ai.providers.chat import (
    HAND_OFF,
    HAND_OFF_DESCRIPTION,
    HAND_OFF_PARAMETERS,
    ChatChunk,
    broken_off,
    chat_events,
    malformed,
    may_hand_off,
    status_error,
    stream_error,
    unreachable,
    usable_key,
    usable_url,
)
from seedx_server.ai.providers.protocol import GenerationRequest, ProviderEvent
from seedx_server.config import Settings

DEFAULT_MODEL = "default"
"""llama.cpp and LM Studio use the model they have loaded; other servers need a name."""

CONNECT_SECONDS = 10.0
LONGEST_LINE = 1_000_000
"""The most bytes of one line; an endless line must not fill the memory."""
LONGEST_ERROR = 100_000
"""The most bytes of an error document that are read."""

REFUSES_EXTRAS = frozenset({400, 422})
"""The statuses with which servers refuse a field or a tool that they do not know."""

TOOL = {
    "type": "function",
    "function": {
        "name": HAND_OFF,
        "description": HAND_OFF_DESCRIPTION,
        "parameters": HAND_OFF_PARAMETERS,
    },
}


class OpenAIProvider:
    """Answers with the model behind an OpenAI-compatible address.

    If a server refuses tools or usage counts, the request is sent again without them; such a
    server can answer, but it cannot hand off.

    Args:
        settings: `ai_base_url` is required; `ai_model` and `ai_api_key` are optional.

    Raises:
        ProviderError: A setting is missing or cannot be used.
    """

    name = "openai"

    def __init__(self, settings: Settings) -> None:
        self.model = settings.ai_model or DEFAULT_MODEL
        self._address = _completions_url(usable_url("SEEDX_AI_BASE_URL", settings.ai_base_url))
        headers = {"Accept": "text/event-stream"}
        if settings.ai_api_key is not None:
            headers["Authorization"] = (
                f"Bearer {usable_key('SEEDX_AI_API_KEY', settings.ai_api_key)}"
            )
        self._client = httpx.AsyncClient(
            headers=headers, timeout=httpx.Timeout(None, connect=CONNECT_SECONDS)
        )

    def stream(self, request: GenerationRequest) -> AsyncGenerator[ProviderEvent, None]:
        """Yield the answer's pieces; closing the generator closes the connection.

        Raises:
            ProviderError: The server refused the request, failed, or stopped early.
        """
        return chat_events(self._chunks(request))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _chunks(self, request: GenerationRequest) -> AsyncGenerator[ChatChunk, None]:
        async with AsyncExitStack() as stack:
            try:
                response = await self._open(stack, request)
                async for line in _lines(response.aiter_bytes()):
                    data = _data(line)
                    if data == b"[DONE]":
                        break
                    if data:
                        yield _parse_chunk(data)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                raise unreachable() from None
            except httpx.HTTPError:
                raise broken_off() from None

    async def _open(self, stack: AsyncExitStack, request: GenerationRequest) -> httpx.Response:
        """Send the request; if the server refuses the extras, send it without them."""
        extras: dict[str, object] = {"stream_options": {"include_usage": True}}
        if may_hand_off(request.purpose):
            extras["tools"] = [TOOL]
        response = await self._send(stack, self._body(request) | extras)
        if response.status_code in REFUSES_EXTRAS:
            response = await self._send(stack, self._body(request))
        if response.status_code != httpx.codes.OK:
            body = _json_or_none(await _read_error(response.aiter_bytes()))
            raise status_error(response.status_code, response.headers, body)
        return response

    async def _send(self, stack: AsyncExitStack, body: dict[str, object]) -> httpx.Response:
        return await stack.enter_async_context(
            self._client.stream("POST", self._address, json=body)
        )

    def _body(self, request: GenerationRequest) -> dict[str, object]:
        return {
            "model": self.model,
            "messages": [
                {"role": message.role, "content": message.content} for message in request.messages
            ],
            "stream": True,
            "temperature": request.temperature,
            "max_tokens": request.max_tokens,
        }


def _completions_url(base_url: str) -> str:
    """Return the URL to post to; `/v1` is added to an address without a path."""
    if httpx.URL(base_url).path == "/":
        base_url += "/v1"
    return f"{base_url}/chat/completions"


async def _read_error(parts: AsyncIterator[bytes]) -> bytes:
    """Read an error document, but not much more than `LONGEST_ERROR` bytes."""
    body = b""
    async for part in parts:
        body += part
        if len(body) > LONGEST_ERROR:
            break
    return body


async def _lines(parts: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Yield the lines of a stream as they become complete, and what is left at its end."""
    rest = b""
    async for part in parts:
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            yield line
        if len(rest) > LONGEST_LINE:
            raise malformed()
    yield rest


def _data(line: bytes) -> bytes:
    """Return the data of a line of the stream, or b"" if it has none.

    In this API each event is a single `data` line, so blank lines between events are ignored.

    Raises:
        ProviderError: The line is the error that older llama.cpp servers send.
    """
    name, _, value = line.strip().partition(b":")
    if name == b"error":
        raise stream_error(_json_or_none(value))
    return value.strip() if name == b"data" else b""


def _parse_chunk(data: bytes) -> ChatChunk:
    try:
        return ChatChunk.model_validate_json(data)
    except ValidationError:
        raise malformed() from None


def _json_or_none(text: bytes) -> object:
    try:
        document: object = json.loads(text)
    except ValueError:
        return None
    return document
