"""Following a ticket live, for `ticket watch` and `ticket show --watch`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from seedx_cli.client.documents import Message, Ticket
from seedx_cli.client.shapes import checked
from seedx_cli.client.sse import CAUGHT_UP
from seedx_cli.errors import ApiError
from seedx_cli.terminal.safe_text import safe_line
from seedx_cli.tickets.conversation import message_for_pipe, message_for_terminal
from seedx_cli.tickets.streaming import IncompleteOutputError, follow

if TYPE_CHECKING:
    from seedx_cli.client.sse import Event
    from seedx_cli.context import Context

SOLVED = {"resolved", "closed"}
_UNFINISHED = {"queued", "running"}
# The server sends what came after this event; every real one has a higher number.
_FROM_THE_BEGINNING = "0"
_FIELDS = {
    "status": "the status",
    "priority": "the priority",
    "tags": "the tags",
    "title": "the title",
}
"""What a person calls the fields of a ticket."""


class Watcher:
    """Follows one ticket: first `begin`, then `run`.

    The stream of events is read up to the present before the ticket is, so that nothing is missed
    between the two. What happens in the meantime is in both; such messages are recognised by their
    ids and shown once.

    Args:
        number: The ticket.
        context: What the command works with.
    """

    def __init__(self, number: int, context: Context) -> None:
        self._number = number
        self._context = context
        self._events = context.api.tickets.events(number, last_id=_FROM_THE_BEGINNING)
        self._shown: set[object] = set()
        self._unfinished: list[int] = []

    def begin(self) -> Ticket:
        """Read what happened so far and return the ticket as it is now."""
        self._unfinished = _unfinished_replies(_past_events(self._events))
        ticket = self._context.api.tickets.show(self._number)
        self._shown = {message["id"] for message in ticket["messages"]}
        return ticket

    def run(self, *, until_solved: bool = False) -> None:
        """Show what happens; without end unless `until_solved`."""
        for run_id in self._unfinished:
            self._show_reply(run_id)
        for event in self._events:
            if event.event != CAUGHT_UP:
                self._show(event)
            if until_solved and _status_set(event) in SOLVED:
                return

    def _show(self, event: Event) -> None:
        io, data = self._context.io, _data(event)
        message = checked(data["message"], Message) if "message" in data else None
        if message is not None and message["id"] in self._shown:
            return
        if io.json:
            io.record({"event": event.event, "id": event.id, "data": event.data})
        elif message is not None:
            self._show_message(message)
        elif event.event == "ticket.updated":
            self._tell(f"{_actor(event, 'name') or 'SeedX'} {self._changes(event)}")
        elif event.event == "run.finished" and data.get("status") != "done":
            self._tell(f"The AI run ended: {data.get('status')}")
        if (run_id := _started_reply(event)) is not None:
            self._show_reply(run_id)
        io.stdout.flush()

    def _changes(self, event: Event) -> str:
        """Say what was done to the ticket, to follow the name of who did it."""
        changes = _data(event).get("changes")
        told = [
            (
                self._assignment(event, change[-1])
                if field == "assignee_id"
                else f"changed {_FIELDS[field]} from {_value(change[0])} to {_value(change[-1])}"
            )
            for field, change in (changes.items() if isinstance(changes, Mapping) else ())
            if isinstance(change, list) and change and field in {"assignee_id", *_FIELDS}
        ]
        return ", ".join(told) or "changed the ticket"

    def _assignment(self, event: Event, assignee_id: object) -> str:
        if assignee_id is None:
            return "assigned the ticket to nobody"
        if assignee_id == _actor(event, "id"):
            return "took the ticket"
        # An event has only the id of the assignee; the ticket has the name of the current one.
        assignee = self._context.api.tickets.show(self._number)["assignee"]
        if assignee is None or assignee["id"] != assignee_id:
            return "assigned the ticket to a member of staff"
        return f"assigned the ticket to {assignee['name']}"

    def _show_message(self, message: Message) -> None:
        io = self._context.io
        if io.is_terminal:
            io.stdout.write("\n" + message_for_terminal(message, io, self._context.now()))
        else:
            io.stdout.write(message_for_pipe(message, io))

    def _show_reply(self, run_id: int) -> None:
        """Show a reply while it is written; a finished one is a message of the ticket."""
        api, io = self._context.api, self._context.io
        if api.ai.run(run_id)["status"] not in _UNFINISHED:
            return
        if not io.json:
            self._tell("SeedX AI is replying")
        go_on = f"seedx ticket watch {self._number}"
        try:
            reply = follow(api.ai.follow(run_id), self._context, go_on=go_on)
        except (ApiError, IncompleteOutputError) as error:
            self._tell(error.message)
        else:
            if not io.json:
                self._shown.add(reply.message_id)
        if not io.json and not io.is_terminal:
            io.line()

    def _tell(self, text: str) -> None:
        io = self._context.io
        shown = safe_line(text)
        io.line(f"\n{io.style(shown, 'dim')}" if io.is_terminal else f"-- {shown}")


def newest_run(number: int, context: Context) -> int | None:
    """Return the AI run that was started last on a ticket, None if there is none."""
    newest = None
    for event in _past_events(context.api.tickets.events(number, last_id=_FROM_THE_BEGINNING)):
        run_id = _data(event).get("run_id")
        if event.event == "run.started" and isinstance(run_id, int):
            newest = run_id
    return newest


def _past_events(events: Iterator[Event]) -> Iterator[Event]:
    """Read a ticket's events up to the present."""
    for event in events:
        if event.event == CAUGHT_UP:
            return
        yield event


def _unfinished_replies(events: Iterator[Event]) -> list[int]:
    """Return the runs that write a reply and have not finished, oldest first."""
    started: list[int] = []
    finished: set[object] = set()
    for event in events:
        if event.event == "run.finished":
            finished.add(_data(event).get("run_id"))
        elif (run_id := _started_reply(event)) is not None:
            started.append(run_id)
    return [run_id for run_id in started if run_id not in finished]


def _started_reply(event: Event) -> int | None:
    """Return the run that started to write a reply, if the event is about one."""
    data = _data(event)
    run_id = data.get("run_id")
    is_reply = event.event == "run.started" and data.get("purpose") == "reply"
    return run_id if is_reply and isinstance(run_id, int) else None


def _data(event: Event) -> Mapping[str, object]:
    data = event.data.get("data")
    return data if isinstance(data, Mapping) else {}


def _actor(event: Event, key: str) -> object:
    """Return a field of the person who caused an event, None if nobody did."""
    actor = event.data.get("actor")
    return actor.get(key) if isinstance(actor, Mapping) else None


def _status_set(event: Event) -> object:
    """Return the status that an event gave the ticket, if it did."""
    changes = _data(event).get("changes")
    change = changes.get("status") if isinstance(changes, Mapping) else None
    return change[-1] if isinstance(change, list) and change else None


def _value(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(str(item) for item in value) or "none"
    return str(value)
