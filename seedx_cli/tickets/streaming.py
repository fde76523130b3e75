"""The text of an AI run while it is written: live Markdown, raw text, or JSON events."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, cast

from seedx_cli.client.documents import Citation
from seedx_cli.errors import ApiError, SeedXError
from seedx_cli.terminal.safe_text import SafeStream, safe_line
from seedx_cli.tickets.conversation import sources

if TYPE_CHECKING:
    from seedx_cli.client.sse import Event
    from seedx_cli.context import Context
    from seedx_cli.terminal.spinner import Spinner
    from seedx_cli.terminal.terminal import Terminal


_HANDOFFS = {
    "customer_request": "a person was asked for",
    "missing_knowledge": "the knowledge base does not answer this",
    "policy": "this is for a person to decide",
    "provider_failure": "the AI could not be reached",
    "limit": "the reply reached its maximum length",
}
"""Why a run handed the ticket off; a newer server may have more reasons."""


class IncompleteOutputError(SeedXError):
    """A pipe has received the beginning of a text that was later discarded."""


class View(Protocol):
    """A way to show the text of a run."""

    def feed(self, text: str) -> None:
        """Show a further piece."""

    def restart(self) -> None:
        """Discard the text so far; it follows again from its beginning."""

    def finish(self) -> None:
        """Show the rest; the text is complete."""

    def abort(self) -> None:
        """Show the rest of what has come; the text is incomplete."""


@dataclass(frozen=True)
class Reply:
    """What a run wrote.

    Attributes:
        text: Its Markdown.
        message_id: The id of the message it became; None for a draft or a summary.
        citations: The articles that the text refers to by number.
        handoff: Why a person has to answer, in words; None if the AI did.
    """

    text: str
    message_id: object = None
    citations: list[Citation] = field(default_factory=list)
    handoff: str | None = None


def follow(run: Iterator[Event], context: Context, *, go_on: str | None) -> Reply:
    """Show an AI run to its end.

    On a terminal the text is drawn as Markdown while it comes. In a pipe it is the raw Markdown
    and nothing else, even if colour is forced. With ``--json`` every event is one line.

    Args:
        run: The run's events.
        context: The terminal and the options.
        go_on: The command that shows the text after an interrupt; None if there is none.

    Returns:
        What it wrote.

    Raises:
        ApiError: The run failed.
        IncompleteOutputError: The text was restarted after a pipe had taken some of it.
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
        io.note("\nStopped reading.")
        if go_on is not None:
            hint = f"The AI goes on writing. See the text: {go_on}"
            io.note(context.shared.add_to_commands(hint))
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
        _show_ending(first or last, last, io)
    return Reply(
        "".join(parts), last.data.get("message_id"), _citations(last), _handoff_in_words(last)
    )


def view_of(io: Terminal, go_on: str | None) -> View:
    """Return the view for a terminal, a pipe or ``--json``; `go_on` is as for `follow`."""
    if io.json:
        return _NoView()
    if not io.can_draw:
        return _RawMarkdown(io, go_on)
    return _LiveMarkdown(io)


class _NoView:
    """Shows nothing: with ``--json`` the events are the output."""

    def feed(self, text: str) -> None:
        """Show nothing."""

    def restart(self) -> None:
        """Show nothing."""

    def finish(self) -> None:
        """Show nothing."""

    def abort(self) -> None:
        """Show nothing."""


class _RawMarkdown:
    """Writes the Markdown as it comes, for a pipe; only control characters are escaped.

    What a pipe has received cannot be taken back. When the text is restarted, the part that it
    repeats is left out; if it differs, nothing more is written and the end is an error.

    Args:
        io: Where to write.
        go_on: The command that writes the finished text; None if there is none.
    """

    def __init__(self, io: Terminal, go_on: str | None) -> None:
        self._io = io
        self._go_on = go_on
        self._safe = SafeStream()
        self._text = ""
        self._written = ""

    def feed(self, text: str) -> None:
        self._write_new(self._safe.feed(text))

    def restart(self) -> None:
        self._safe = SafeStream()
        self._text = ""

    def finish(self) -> None:
        self._write_new(self._safe.finish())
        if self._text != self._written:
            self._io.end_line()
            raise IncompleteOutputError(
                "The AI restarted its text while it was being written; this output is incomplete",
                hint=f"Write it again: {self._go_on}" if self._go_on else None,
            )

    def abort(self) -> None:
        self._write_new(self._safe.finish())
        self._io.end_line()

    def _write_new(self, text: str) -> None:
        self._text += text
        if self._text != self._written and self._text.startswith(self._written):
            self._io.raw(self._text[len(self._written) :])
            self._written = self._text


class _LiveMarkdown:
    """Draws the Markdown while it comes, on a terminal; a spinner turns until the first piece."""

    def __init__(self, io: Terminal) -> None:
        from seedx_cli.markdown.drawing import live_markdown

        self._io = io
        self._stream = live_markdown(io)
        self._spinner: Spinner | None = io.spinner("Waiting for the AI")

    def feed(self, text: str) -> None:
        self._stop_waiting()
        self._io.is_drawing = True
        self._stream.feed(text)

    def restart(self) -> None:
        self._stop_waiting()
        self._stream.restart()

    def finish(self) -> None:
        self._stop_waiting()
        self._stream.finish()
        self._io.is_drawing = False

    def abort(self) -> None:
        self._stop_waiting()
        self._stream.abort()
        self._io.is_drawing = False

    def _stop_waiting(self) -> None:
        if self._spinner is not None:
            self._spinner.stop()
            self._spinner = None


def _show_ending(began: Event, done: Event, io: Terminal) -> None:
    """Show the sources and remarks below the text; if stdout is a pipe, on stderr."""
    lines = [*sources(_citations(done)), *_remarks(began, done)]
    if not io.is_terminal:
        for line in lines:
            io.note(line)
    elif lines:
        io.line()
        for line in lines:
            io.line(line, "dim")


def _citations(done: Event) -> list[Citation]:
    citations = done.data.get("citations")
    return cast("list[Citation]", citations) if isinstance(citations, list) else []


def _handoff_in_words(done: Event) -> str | None:
    handoff = done.data.get("handoff")
    return _HANDOFFS.get(str(handoff), str(handoff)) if handoff else None


def _remarks(began: Event, done: Event) -> Iterator[str]:
    purpose = began.data.get("purpose")
    if done.data.get("finish_reason") == "length":
        yield "The reply was cut off: it reached its maximum length."
    if done.data.get("posted") is False and purpose == "reply":
        yield "Somebody replied in the meantime, so this was not posted."
    handoff = _handoff_in_words(done)
    if handoff:
        reason = safe_line(handoff)
        # No person sees a question that has no ticket.
        if purpose == "ask":
            yield f"Not answered: {reason}; open a ticket to ask a person."
        else:
            yield f"Handed to a person: {reason}"
