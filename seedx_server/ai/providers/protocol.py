"""The protocol of AI providers, which are found through entry points.

A package that adds a provider registers a factory in the entry point group
`seedx.ai_providers`; the entry point's name is the provider's name in the settings.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from seedx_server.ai.core import HandoffReason, Purpose


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One turn of the prompt."""

    role: Literal["system", "user", "assistant"]
    content: str


Side = Literal["customer", "staff", "ai"]
"""The side that a message is from."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a transcript.

    Attributes:
        author: The side that wrote it.
        name: The author's name.
        content: The Markdown, as written.
        internal: Whether it is a note, which only staff may see.
    """

    author: Side
    name: str
    content: str
    internal: bool = False


@dataclass(frozen=True, slots=True)
class Transcript:
    """A ticket and its conversation.

    Attributes:
        title: The ticket's title.
        description: The text that the customer opened it with.
        turns: The messages after it, oldest first.
    """

    title: str
    description: str
    turns: Sequence[Turn] = ()


@dataclass(frozen=True, slots=True)
class Passage:
    """A part of an article that may ground the answer.

    Attributes:
        number: Its number in citations: 1 for the first passage of the request.
        slug: The article's slug.
        title: The article's title.
        heading: The heading that the passage is under, or "" for the article's opening.
        text: The passage's Markdown.
        score: How well it fits the question, from 0 to 1.
        url: The article's path in the API.
    """

    number: int
    slug: str
    title: str
    heading: str
    text: str
    score: float
    url: str = ""


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """Everything that a provider is given.

    Attributes:
        purpose: What the text is for.
        messages: The prompt, system message first; untrusted text in it is fenced.
        question: The newest message of the conversation, as its author wrote it.
        passages: The passages that fit, best first.
        turns: The part of the conversation that is in the prompt, the ticket's description
            first.
        temperature: Sampling temperature, 0 to 2.
        max_tokens: The longest answer, in the model's tokens.
    """

    purpose: Purpose
    messages: Sequence[ChatMessage]
    question: str
    passages: Sequence[Passage] = ()
    turns: Sequence[Turn] = ()
    temperature: float = 0.2
    max_tokens: int = 1024


@dataclass(frozen=True, slots=True)
class TextDelta:
    """The next piece of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Handoff:
    """The provider hands off to a person: an event of its own, never words in the text."""

    reason: HandoffReason


@dataclass(frozen=True, slots=True)
class Finished:
    """The end of the answer.

    Attributes:
        finish_reason: `stop`, `length` or the provider's own reason.
        prompt_tokens: Tokens of the prompt, or None if the provider does not report them.
        completion_tokens: Tokens of the answer, or None if the provider does not report them.
    """

    finish_reason: str
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


ProviderEvent = TextDelta | Handoff | Finished


class ProviderError(Exception):
    """The provider could not answer.

    Args:
        detail: What went wrong, for the operator. It never contains a key or a prompt.
        reason: The same as a metric label, from a small set.
        retryable: Whether the same request may succeed later.
        retry_after: How many seconds the provider asks to wait, if it says so.
    """

    def __init__(
        self,
        detail: str,
        *,
        reason: str = "failed",
        retryable: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.reason = reason
        self.retryable = retryable
        self.retry_after = retry_after


class Provider(Protocol):
    """A source of answers.

    It is made by a factory with the signature `(settings: Settings) -> Provider`, which raises
    `ProviderError` if a setting that it needs is missing.
    """

    @property
    def name(self) -> str:
        """The provider's name in the settings and on each run."""
        ...

    @property
    def model(self) -> str:
        """The name of the model that answers, as kept on each run."""
        ...

    def stream(self, request: GenerationRequest) -> AsyncIterator[ProviderEvent]:
        """Yield the answer's pieces, at most one `Handoff`, and one `Finished` at the end.

        Raises:
            ProviderError: The provider refused the request, failed, or stopped early.
        """
        ...

    async def aclose(self) -> None:
        """Close the provider's connections."""
        ...
