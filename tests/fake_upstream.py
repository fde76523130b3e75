"""A scripted AI upstream that speaks the wire format of Groq and OpenAI-compatible servers.

In a test, with the replies scripted in the order in which requests will come (when none is
left, `upstream.default` answers, again and again):

    async with FakeUpstream() as upstream:
        upstream.script(Reply(status=429, retry_after="0"), Reply(["Hello ", "Ada."]))
        settings = load_settings(groq_api_key="gsk-test", groq_base_url=upstream.url)
        ...
        assert "Ada" in upstream.requests[0].prompt

For a real `seedx serve` process, as a process of its own:

    python -m tests.fake_upstream --port-file FILE [--text TEXT] [--delay-ms N] [--record FILE]

It writes its port to FILE, and then its address to standard output, once it listens, and
answers until it is terminated. Point the server at it with GROK_API_URL=http://127.0.0.1:PORT
and any GROK_API_KEY; or with SEEDX_AI_PROVIDER=openai and
SEEDX_AI_BASE_URL=http://127.0.0.1:PORT/v1. `--record` appends each request's body as one line
of JSON, so that a test can look for what must not be there.
"""

import argparse
import asyncio
import contextlib
import itertools
import json
import re
import sys
from collections import deque
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

DEFAULT_TEXT = (
    "Hello, and thank you for writing to us. Here is what usually helps in a case like yours. "
    "First sign out on every device, then sign in again with the newest password. "
    "If that changes nothing, remove the saved session and start the program once more. "
    "Your data stays where it is: none of these steps deletes anything."
)
MALFORMED = b'data: {"id":"chatcmpl-1","choices":[{"index":0,"del\n\n'
STREAM_ERROR = b'data: {"error":{"message":"Model overloaded","type":"server_error"}}\n\n'
COMMENT = b": keep-alive\n\n"
NO_CHOICES = b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","choices":[]}\n\n'
NULL_CONTENT = b'data: {"id":"chatcmpl-1","choices":[{"index":0,"delta":{"content":null}}]}\n\n'

JSON = str | int | float | bool | None | Mapping[str, "JSON"] | Sequence["JSON"]


def pieces_of(text: str) -> list[str]:
    """Split a text into words with the space that follows them."""
    return re.findall(r"\S+\s*|^\s+", text)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the upstream answers to one request.

    Attributes:
        pieces: The text, one delta each.
        reasoning: Pieces of the model's thoughts, sent before the text in a field of their own.
        reasoning_field: That field's name: `reasoning` (Groq) or `reasoning_content`.
        hand_off: Arguments of a `hand_off` tool call, sent after the text in several deltas.
        inject: Raw bytes to send before the text piece of that number.
        endless: Whether the text begins again for ever.
        finish_reason: None leaves it out.
        usage: Tokens of the prompt and of the answer; None leaves them out.
        done: Whether `[DONE]` ends the stream.
        hangs: Whether the connection stays open after the last byte until the caller closes it.
        status: An HTTP status; anything but 200 answers with `error` as JSON.
        error: The body of such an answer.
        retry_after: The Retry-After header of such an answer.
        gate: If given, the reply waits for it before the text piece `gate_at`.
        gate_at: The text piece that waits.
        cut_at: The connection breaks after so many bytes of the body, chunk headers counted.
        cut_before: The connection breaks before the text piece of that number.
        chunked: Whether the body is sent with chunked transfer, or just until the close.
        compact: Whether `data:` comes without the space after it.
        delay: Seconds before each piece of text.
    """

    pieces: Sequence[str] = ("Hello ", "Ada, ", "sign out ", "and in again.")
    reasoning: Sequence[str] = ()
    reasoning_field: str = "reasoning"
    hand_off: str | None = None
    inject: Mapping[int, bytes] = field(default_factory=dict)
    endless: bool = False
    finish_reason: str | None = "stop"
    usage: tuple[int, int] | None = (21, 13)
    done: bool = True
    hangs: bool = False
    status: int = 200
    error: JSON = None
    retry_after: str | None = None
    gate: asyncio.Event | None = None
    gate_at: int = 0
    cut_at: int | None = None
    cut_before: int | None = None
    chunked: bool = True
    compact: bool = False
    delay: float = 0

    def body(self, *, groq: bool = True) -> bytes:
        """Return all bytes of the body as they go over the wire; `cut_at` counts in them."""
        events = b"".join(self.framed(event) for _, event in self.events(groq=groq))
        return events + (b"0\r\n\r\n" if self.chunked else b"")

    def events(
        self, *, groq: bool, usage_wanted: bool = True
    ) -> Iterator[tuple[int | None, bytes]]:
        """Yield each event's bytes, and for the text's events the number of the piece."""
        start: dict[str, JSON] = {"role": "assistant", "content": ""}
        yield None, self._chunk(start, extra={"x_groq": {"id": "req_1"}} if groq else {})
        for thought in self.reasoning:
            yield None, self._chunk({self.reasoning_field: thought})
        pieces = itertools.cycle(self.pieces) if self.endless else self.pieces
        for number, piece in enumerate(pieces):
            yield from self._injected(number)
            yield number, self._chunk({"content": piece})
        yield from self._injected(len(self.pieces))
        for delta in self._tool_call():
            yield None, self._chunk(delta)
        yield from self._ending(groq=groq, usage_wanted=usage_wanted)

    def framed(self, event: bytes) -> bytes:
        """Return an event as it goes over the wire: as one chunk, unless it is not chunked."""
        return b"%x\r\n%s\r\n" % (len(event), event) if self.chunked else event

    def _injected(self, number: int) -> Iterator[tuple[None, bytes]]:
        if number in self.inject:
            yield None, self.inject[number]

    def _tool_call(self) -> Iterator[dict[str, JSON]]:
        if self.hand_off is None:
            return
        call: dict[str, JSON] = {"index": 0, "id": "call_1", "type": "function"}
        yield {"tool_calls": [{**call, "function": {"name": "hand_off", "arguments": ""}}]}
        middle = len(self.hand_off) // 2
        for part in (self.hand_off[:middle], self.hand_off[middle:]):
            yield {"tool_calls": [{"index": 0, "function": {"arguments": part}}]}

    def _ending(self, *, groq: bool, usage_wanted: bool) -> Iterator[tuple[None, bytes]]:
        usage: dict[str, JSON] = {}
        if self.usage is not None:
            prompt, completion = self.usage
            usage = {"prompt_tokens": prompt, "completion_tokens": completion}
            usage["total_tokens"] = prompt + completion
        if self.finish_reason is not None:
            extra: dict[str, JSON] = {"x_groq": {"id": "req_1", "usage": usage}} if groq else {}
            yield None, self._chunk({}, finish_reason=self.finish_reason, extra=extra)
        if usage and usage_wanted and not groq:
            yield None, self._data({"id": "chatcmpl-1", "choices": [], "usage": usage})
        if self.done:
            yield None, b"data: [DONE]\n\n"

    def _chunk(
        self,
        delta: Mapping[str, JSON],
        *,
        finish_reason: str | None = None,
        extra: Mapping[str, JSON] | None = None,
    ) -> bytes:
        choice: JSON = {
            "index": 0,
            "delta": delta,
            "logprobs": None,
            "finish_reason": finish_reason,
        }
        return self._data(
            {
                "id": "chatcmpl-1",
                "object": "chat.completion.chunk",
                "created": 1_790_000_000,
                "model": "scripted",
                "choices": [choice],
                **(extra or {}),
            }
        )

    def _data(self, document: Mapping[str, JSON]) -> bytes:
        space = "" if self.compact else " "
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
        return f"data:{space}{text}\n\n".encode()


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came in.

    Attributes:
        path: The path that was asked for.
        headers: Names in lower case.
        body: The JSON document.
        disconnected: Set when the caller closed the connection before the reply's end.
    """

    path: str
    headers: Mapping[str, str]
    body: Mapping[str, JSON]
    disconnected: asyncio.Event

    @property
    def prompt(self) -> str:
        """Everything the model was told."""
        messages = self.body.get("messages", [])
        return json.dumps(messages, ensure_ascii=False)


class FakeUpstream:
    """The server; an asynchronous context manager that listens on loopback."""

    def __init__(self, *, record: Path | None = None) -> None:
        self.default = Reply(pieces_of(DEFAULT_TEXT))
        self.requests: list[Received] = []
        self._record = record
        self._arrival = asyncio.Condition()
        self._replies: deque[Reply] = deque()
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._server: asyncio.Server | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """The address for GROK_API_URL; add /v1 for SEEDX_AI_BASE_URL."""
        return f"http://127.0.0.1:{self.port}"

    def script(self, *replies: Reply) -> None:
        """Line up the answers to the next requests."""
        self._replies.extend(replies)

    async def received(self, count: int = 1) -> Received:
        """Wait until so many requests came in, and return the last of them."""
        async with self._arrival:
            await self._arrival.wait_for(lambda: len(self.requests) >= count)
        return self.requests[count - 1]

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._server is not None
        # asyncio loses a connection that it is just accepting when its server is closed. So:
        # accept no more, and give what was accepted the turns of the loop to reach `_connected`.
        asyncio.get_running_loop().remove_reader(self._server.sockets[0].fileno())
        for _ in range(3):
            await asyncio.sleep(0)
        self._server.close()
        for task, writer in self._connections.items():
            task.cancel()
            # A task that is cancelled before it began closes nothing.
            writer.transport.abort()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._server.wait_closed()

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._connections[task] = writer
        task.add_done_callback(self._connections.pop)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            received = await _receive(reader)
            await self._keep(received)
            reply = self._replies.popleft() if self._replies else self.default
            answering = asyncio.ensure_future(_answer(writer, received, reply))
            leaving = asyncio.ensure_future(reader.read())
            try:
                await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
                if not answering.done() or answering.exception() is not None:
                    received.disconnected.set()
            finally:
                for task in (answering, leaving):
                    task.cancel()
                await asyncio.gather(answering, leaving, return_exceptions=True)
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _keep(self, received: Received) -> None:
        async with self._arrival:
            self.requests.append(received)
            self._arrival.notify_all()
        if self._record is not None:
            with self._record.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(received.body) + "\n")


async def _receive(reader: asyncio.StreamReader) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    request_line, *lines = head.strip().split("\r\n")
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    document = json.loads(body) if body else {}
    return Received(request_line.split(" ")[1], headers, document, asyncio.Event())


async def _answer(writer: asyncio.StreamWriter, received: Received, reply: Reply) -> None:
    if not received.path.endswith("/v1/chat/completions"):
        reply = Reply(status=404, error={"error": {"message": "Unknown request URL"}})
    if reply.status != 200:
        _write_error(writer, reply)
    else:
        _write_head(writer, reply)
        left = reply.cut_at
        async for data in _body(received, reply):
            part = data if left is None else data[:left]
            writer.write(part)
            await writer.drain()
            if left is not None:
                left -= len(part)
                if not left:
                    return
    await writer.drain()
    if reply.hangs:
        await asyncio.Event().wait()


async def _body(received: Received, reply: Reply) -> AsyncIterator[bytes]:
    groq = "/openai/" in received.path
    options = received.body.get("stream_options")
    usage_wanted = isinstance(options, Mapping) and bool(options.get("include_usage"))
    for number, event in reply.events(groq=groq, usage_wanted=usage_wanted):
        if number is not None and reply.delay:
            await asyncio.sleep(reply.delay)
        if number == reply.gate_at and reply.gate is not None:
            await reply.gate.wait()
        if number is not None and number == reply.cut_before:
            return
        yield reply.framed(event)
    if reply.chunked and not reply.hangs:
        yield b"0\r\n\r\n"


def _write_head(writer: asyncio.StreamWriter, reply: Reply) -> None:
    head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n"
    if reply.chunked:
        head += "Transfer-Encoding: chunked\r\n"
    writer.write(f"{head}\r\n".encode())


def _write_error(writer: asyncio.StreamWriter, reply: Reply) -> None:
    document = reply.error or {"error": {"message": "Scripted failure", "type": "scripted"}}
    body = json.dumps(document).encode()
    head = f"HTTP/1.1 {reply.status} Scripted\r\nContent-Type: application/json\r\n"
    head += f"Content-Length: {len(body)}\r\nConnection: close\r\n"
    if reply.retry_after is not None:
        head += f"Retry-After: {reply.retry_after}\r\n"
    writer.write(head.encode() + b"\r\n" + body)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="A scripted AI upstream on loopback.")
    parser.add_argument("--port-file", type=Path, required=True, help="gets the port number")
    parser.add_argument("--text", default=DEFAULT_TEXT, help="the answer to every request")
    parser.add_argument("--delay-ms", type=int, default=0, help="pause before each word")
    parser.add_argument("--hand-off", metavar="REASON", help="also call hand_off with it")
    parser.add_argument("--status", type=int, default=200, help="fail with it instead")
    parser.add_argument("--record", type=Path, help="append each request's body to this file")
    return parser.parse_args()


async def _run(arguments: argparse.Namespace) -> None:
    async with FakeUpstream(record=arguments.record) as upstream:
        upstream.default = Reply(
            pieces_of(arguments.text),
            delay=arguments.delay_ms / 1000,
            hand_off=json.dumps({"reason": arguments.hand_off}) if arguments.hand_off else None,
            status=arguments.status,
        )
        draft = arguments.port_file.with_suffix(".part")
        draft.write_text(str(upstream.port))
        draft.replace(arguments.port_file)
        sys.stdout.write(f"{upstream.url}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_run(_arguments()))
