"""Groq, through its official SDK."""

import logging
from collections.abc import AsyncGenerator
from typing import Literal

import groq
import httpx
from groq.types.chat import (
    ChatCompletionChunk,
    ChatCompletionMessageParam,
    ChatCompletionToolParam,
)

from seedx_server.ai.providers.chat import (
    HAND_OFF,
    HAND_OFF_DESCRIPTION,
    HAND_OFF_PARAMETERS,
    ChatChunk,
    broken_off,
    chat_events,
    malformed,
    may_hand_off,
    parse_chunk,
    status_error,
    stream_error,
    unreachable,
    usable_key,
    usable_url,
)
from seedx_server.ai.providers.protocol import (
    ChatMessage,
    GenerationRequest,
    ProviderEvent,
)
from seedx_server.config import Settings

DEFAULT_MODEL = "openai/gpt-oss-120b"
"""Groq's own successor to its Llama 3.3 70B, which it shut down in August 2026."""

CONNECT_SECONDS = 10.0

# At debug level the SDK logs whole requests, which contain people's tickets.
logging.getLogger("groq").setLevel(logging.INFO)

TOOL: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": HAND_OFF,
        "description": HAND_OFF_DESCRIPTION,
        "parameters": HAND_OFF_PARAMETERS,
    },
}


class GroqProvider:
    """Answers with a model that Groq hosts.

    Args:
        settings: `groq_api_key` is required; `groq_base_url` and `ai_model` are optional.

    Raises:
        ProviderError: The key is missing or cannot be used.
    """

    name = "groq"

    def __init__(self, settings: Settings) -> None:
        self.model = settings.ai_model or DEFAULT_MODEL
        self._client = groq.AsyncGroq(
            api_key=usable_key("GROK_API_KEY", settings.groq_api_key),
            # The SDK adds this part itself.
            base_url=usable_url("GROK_API_URL", settings.groq_base_url).removesuffix("/openai/v1"),
            max_retries=0,
            timeout=httpx.Timeout(None, connect=CONNECT_SECONDS),
        )

    def stream(self, request: GenerationRequest) -> AsyncGenerator[ProviderEvent, None]:
        """Yield the answer's pieces; closing the generator closes the connection.

        Raises:
            ProviderError: Groq refused the request, failed, or stopped early.
        """
        return chat_events(self._chunks(request))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _chunks(self, request: GenerationRequest) -> AsyncGenerator[ChatChunk, None]:
        # None of the SDK's errors is kept as a cause: they contain the request.
        try:
            async with await self._open(request) as stream:
                async for chunk in stream:
                    yield parse_chunk(chunk)
        except groq.APIStatusError as error:
            raise status_error(error.status_code, error.response.headers, error.body) from None
        except groq.APIConnectionError:
            raise unreachable() from None
        except groq.APIError as error:
            raise stream_error(error.body) from None
        except httpx.HTTPError:
            raise broken_off() from None
        except ValueError:
            raise malformed() from None

    def _effort(self) -> Literal["low"] | groq.Omit:
        """Return a low effort: answers come from passages. Other models refuse the parameter."""
        return "low" if self.model.startswith("openai/gpt-oss") else groq.omit

    async def _open(self, request: GenerationRequest) -> groq.AsyncStream[ChatCompletionChunk]:
        return await self._client.chat.completions.create(
            model=self.model,
            messages=[_message(message) for message in request.messages],
            stream=True,
            temperature=request.temperature,
            max_completion_tokens=request.max_tokens,
            reasoning_effort=self._effort(),
            tools=[TOOL] if may_hand_off(request.purpose) else groq.omit,
        )


def _message(message: ChatMessage) -> ChatCompletionMessageParam:
    match message.role:
        case "system":
            return {"role": "system", "content": message.content}
        case "user":
            return {"role": "user", "content": message.content}
        case "assistant":
            return {"role": "assistant", "content": message.content}
