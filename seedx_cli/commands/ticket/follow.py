"""Following a ticket as it happens: ticket watch, and show --watch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from seedx_cli.client.documents import Message, Ticket
from seedx_cli.client.shapes import checked
from seedx_cli.context import Context
from seedx_cli.errors import ApiError
from seedx_cli.parsing.arguments import Number
from seedx_cli.parsing.command import Command, command_group, context_of
from seedx_cli.terminal.safe_text import safe_line
from seedx_cli.tickets.conversation import message_for_pipe, message_for_terminal
from seedx_cli.tickets.streaming import TornOutput, follow

if TYPE_CHECKING:
    from seedx_cli.client.sse import Event

app = command_group("Following tickets.")

_SOLVED = {"resolved", "closed"}
_UNFINISHED = {"queued", "running"}
# The server sends what came after this event; every real one has a higher number.
_FROM_THE_BEGINNING = "0"


@dataclass(frozen=True)
class WatchOptions:
    """Which ticket to follow; `exit_status` ends with 0 once it is resolved or closed."""

    ticket_id: int
    exit_status: bool = False


def run_watch(options: WatchOptions, context: Context, shown: Ticket | None = None) -> None:
    """Show messages, changes and AI text of a ticket as they happen.

    Args:
        options: What to follow.
        context: What the command works with.
        shown: The ticket as the person already saw it.
    """
    ticket = shown or context.api.tickets.show(options.ticket_id)
    if options.exit_status and ticket["status"] in _SOLVED:
        return
    if shown is None and not context.io.json:
        title, status = safe_line(ticket["title"]), safe_line(ticket["status"])
        context.io.note(f"Watching #{ticket['id']} {title} ({status}); Ctrl-C ends it.", "dim")
    Watcher(ticket, context).run(until_solved=options.exit_status)


class Watcher:
    """Follows one ticket.

    The stream begins with the ticket's whole past, so that nothing can fall between reading the
    ticket and following it; what the ticket as it was read already holds is left out.

    Args:
        ticket: The ticket as it was read.
        context: What the command works with.
    """

    def __init__(self, ticket: Ticket, context: Context) -> None:
        self._ticket_id = ticket["id"]
        self._known_until = _moment(ticket["updated_at"])
        self._context = context
        self._streamed: set[object] = set()

    def run(self, *, until_solved: bool) -> None:
        """Show what happens; without end unless `until_solved`."""
        for event in self._context.api.tickets.events(self._ticket_id, last_id=_FROM_THE_BEGINNING):
            is_new = self._is_new(event)
            if event.event == "run.started":
                self._run_started(event, is_new=is_new)
            elif is_new:
                self._show(event)
                if until_solved and _status_set(event) in _SOLVED:
                    return

    def _is_new(self, event: Event) -> bool:
        moment = _moment(event.data.get("created_at"))
        return moment is None or self._known_until is None or moment > self._known_until

    def _show(self, event: Event) -> None:
        io, data = self._context.io, _data(event)
        if io.json:
            io.record({"event": event.event, "id": event.id, "data": event.data})
        elif event.event == "message.created":
            message = checked(data.get("message"), Message)
            if message["id"] not in self._streamed:
                self._show_message(message)
        elif event.event == "ticket.updated":
            self._tell(f"{_actor(event)} changed {_changes(data)}")
        elif event.event == "run.finished" and data.get("status") != "done":
            self._tell(f"The AI's run ended: {data.get('status')}")
        io.stdout.flush()

    def _show_message(self, message: Message) -> None:
        io = self._context.io
        if io.is_terminal:
            io.stdout.write("\n" + message_for_terminal(message, io, self._context.now()))
        else:
            io.stdout.write(message_for_pipe(message, io))

    def _tell(self, text: str) -> None:
        io = self._context.io
        shown = safe_line(text)
        io.line(f"\n{io.style(shown, 'dim')}" if io.is_terminal else f"-- {shown}")

    def _run_started(self, event: Event, *, is_new: bool) -> None:
        """Show a reply while it is written, also one that began before."""
        api, io = self._context.api, self._context.io
        if is_new and io.json:
            io.record({"event": event.event, "id": event.id, "data": event.data})
        data = _data(event)
        run_id = data.get("run_id")
        if data.get("purpose") != "reply" or not isinstance(run_id, int):
            return
        if not is_new and api.ai.run(run_id)["status"] not in _UNFINISHED:
            return
        if not io.json:
            self._tell("SeedX AI is answering")
        go_on = f"seedx ticket watch {self._ticket_id}"
        try:
            reply = follow(api.ai.follow(run_id), self._context, go_on=go_on)
        except (ApiError, TornOutput) as error:
            self._tell(error.message)
        else:
            self._streamed.add(reply.message_id)
        if not io.json and not io.is_terminal:
            io.line()


@app.command(
    "watch",
    cls=Command,
    epilog="""
    seedx ticket watch 42
    seedx ticket watch 42 --exit-status && notify-send "Ticket 42 is solved"
    """,
)
def watch(
    typer_context: typer.Context,
    number: Number,
    exit_status: Annotated[
        bool, typer.Option("--exit-status", help="End with 0 once it is resolved or closed.")
    ] = False,
) -> None:
    """Show what happens on a ticket as it happens.

    Messages, changes, and the AI's text while it is written. Goes on by itself after a cut. With
    --json each event is one line.
    """
    run_watch(WatchOptions(number, exit_status), context_of(typer_context))


def _moment(said: object) -> datetime | None:
    """A time with its zone, None where it is none."""
    try:
        moment = datetime.fromisoformat(str(said))
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _data(event: Event) -> Mapping[str, object]:
    data = event.data.get("data")
    return data if isinstance(data, Mapping) else {}


def _actor(event: Event) -> str:
    actor = event.data.get("actor")
    name = actor.get("name") if isinstance(actor, Mapping) else None
    return str(name) if name else "SeedX"


def _status_set(event: Event) -> object:
    """The status that an event gave the ticket, if it did."""
    changes = _data(event).get("changes")
    change = changes.get("status") if isinstance(changes, Mapping) else None
    return change[-1] if isinstance(change, list) and change else None


def _changes(data: Mapping[str, object]) -> str:
    changes = data.get("changes")
    if not isinstance(changes, Mapping):
        return "the ticket"
    told = [
        f"{field} from {_value(change[0])} to {_value(change[-1])}"
        for field, change in changes.items()
        if isinstance(change, list) and change
    ]
    return ", ".join(told) or "the ticket"


def _value(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(str(item) for item in value) or "none"
    return "nobody" if value is None else str(value)
