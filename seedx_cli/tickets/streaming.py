"""An AI run as it is written: live Markdown, raw text, or one JSON object an event."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

from seedx_cli.client.documents import Citation
from seedx_cli.errors import ApiError, SeedXError
from seedx_cli.terminal.safe_text import SafeStream, safe_line
from seedx_cli.tickets.conversation import sources

if TYPE_CHECKING:
    from seedx_cli.client.sse import Event
    from seedx_cli.context import Context
    from seedx_cli.terminal.console import Terminal
    from seedx_cli.terminal.spinner import Spinner


_HANDOFFS = {
    "customer_request": "a person was asked for",
    "missing_knowledge": "the knowledge base does not answer this",
    "policy": "this is for a person to decide",
    "provider_failure": "the AI could not be reached",
    "limit": "the AI has answered as often as it may",
}
"""Why a run left the answer to a person; a newer server may know more reasons."""


class TornOutput(SeedXError):
    """A pipe holds the beginning of a text that became void."""


class View(Protocol):
    """How the text of a run is shown."""

    def feed(self, text: str) -> None:
        """Show a further piece."""

    def restart(self) -> None:
        """What was shown is void; the text begins anew."""

    def finish(self) -> None:
        """The text is complete."""

    def abort(self) -> None:
        """The text ends here, incomplete."""


@dataclass(frozen=True)
class Reply:
    """What a run wrote, and the message it became, None for a draft or a summary."""

    text: str
    message_id: object


def follow(run: Iterator[Event], context: Context, *, go_on: str) -> Reply:
    """Show an AI run to its end.

    On a terminal the text is drawn as Markdown while it comes. In a pipe it is the raw Markdown
    and nothing else. With ``--json`` every event is one line.

    Args:
        run: The run's events.
        context: What the command works with.
        go_on: The command that reads on after an interrupt.

    Returns:
        What it wrote.

    Raises:
        ApiError: The run failed.
    """
    io = context.io
    parts: list[str] = []
    view = view_of(io, go_on)
    first: Event | None = None
    last: Event | None = None
    try:
        for last in run:
            first = first or last
            if io.json:
                io.record({"event": last.event, "id": last.id, "data": last.data})
            if last.event == "restarted":
                parts.clear()
                view.restart()
            elif last.text:
                parts.append(last.text)
                view.feed(last.text)
    except KeyboardInterrupt:
        view.abort()
        told = f"\nStopped reading; the reply goes on by itself. See it: {go_on}"
        io.note(context.shared.completed(told))
        raise
    except BaseException:
        view.abort()
        raise
    if last is None or last.event != "done":
        view.abort()
        problem = last.data if last else {"detail": "The stream was empty"}
        status = problem.get("status")
        raise ApiError(status if isinstance(status, int) else 500, problem)
    view.finish()
    if not io.json:
        _tell_end(first or last, last, io)
    return Reply("".join(parts), last.data.get("message_id"))


def view_of(io: Terminal, again: str) -> View:
    """Return how the text of a run is shown there; `again` is the command that shows it whole."""
    if io.json:
        return _Nothing()
    if not io.can_draw:
        return _Raw(io, again)
    return _Live(io)


class _Nothing:
    """For ``--json``, where the events themselves are the output."""

    def feed(self, text: str) -> None:
        """Show nothing."""

    def restart(self) -> None:
        """Show nothing."""

    def finish(self) -> None:
        """Show nothing."""

    def abort(self) -> None:
        """Show nothing."""


class _Raw:
    """The Markdown as it comes, for a pipe; control characters alone are made visible.

    What a pipe has taken cannot be taken back. When the text begins anew, what it repeats is
    left out; where it differs, nothing more is written and the end is an error.

    Args:
        io: Where to write.
        again: The command that writes the finished text.
    """

    def __init__(self, io: Terminal, again: str) -> None:
        self._io = io
        self._again = again
        self._safe = SafeStream()
        self._text = ""
        self._written = ""

    def feed(self, text: str) -> None:
        self._take(self._safe.feed(text))

    def restart(self) -> None:
        self._safe = SafeStream()
        self._text = ""

    def finish(self) -> None:
        self._take(self._safe.finish())
        if self._text != self._written:
            self._io.end_line()
            raise TornOutput(
                "The AI began anew while its text was being written, so this output is not whole",
                hint=f"Write it once more: {self._again}",
            )

    def abort(self) -> None:
        self._take(self._safe.finish())
        self._io.end_line()

    def _take(self, text: str) -> None:
        self._text += text
        if self._text != self._written and self._text.startswith(self._written):
            self._io.raw(self._text[len(self._written) :])
            self._written = self._text


class _Live:
    """Markdown drawn while it comes, on a terminal; a sign of life until the first piece."""

    def __init__(self, io: Terminal) -> None:
        from seedx_cli.markdown.drawing import console_of
        from seedx_cli.markdown.stream import MarkdownStream

        self._stream = MarkdownStream(console_of(io))
        self._spinner: Spinner | None = io.spinner("Waiting for the AI")

    def feed(self, text: str) -> None:
        self._stop_waiting()
        self._stream.feed(text)

    def restart(self) -> None:
        self._stop_waiting()
        self._stream.restart()

    def finish(self) -> None:
        self._stop_waiting()
        self._stream.finish()

    def abort(self) -> None:
        self._stop_waiting()
        self._stream.abort()

    def _stop_waiting(self) -> None:
        if self._spinner is not None:
            self._spinner.stop()
            self._spinner = None


def _tell_end(began: Event, done: Event, io: Terminal) -> None:
    """Show what the text rests on and whether a person takes over; beside the text in a pipe."""
    citations = done.data.get("citations")
    lines = sources(cast("list[Citation]", citations)) if isinstance(citations, list) else []
    if done.data.get("finish_reason") == "length":
        lines.append("The reply was cut: it reached the longest length.")
    if done.data.get("posted") is False and began.data.get("purpose") == "reply":
        lines.append("Somebody answered meanwhile, so this was not posted.")
    handoff = done.data.get("handoff")
    if handoff:
        reason = _HANDOFFS.get(str(handoff), str(handoff))
        lines.append(safe_line(f"Handed to a person: {reason}"))
    if lines and io.is_terminal:
        io.line()
    for line in lines:
        if io.is_terminal:
            io.line(io.style(line, "dim"))
        else:
            io.note(line)
