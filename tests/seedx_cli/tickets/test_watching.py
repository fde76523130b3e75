"""A watch shows what happens from its beginning on: nothing twice, nothing missing."""

import io
import json

import pytest

from seedx_cli.client import Client
from seedx_cli.client.documents import Ticket
from seedx_cli.context import Context, Shared
from seedx_cli.terminal.terminal import Terminal
from seedx_cli.tickets.watching import Watcher
from tests.seedx_cli.conftest import Server, client_of
from tests.seedx_cli.process import PASSWORD, Cli, rest_of, seen_until


def context_for(server: Server, cli: Cli, *, as_json: bool = False) -> tuple[Context, io.StringIO]:
    """What a command of that person works with, writing to a pipe."""
    out = io.StringIO()
    terminal = Terminal(io.StringIO(), out, io.StringIO(), environment={}, json=as_json)
    environment = {**cli.environment, "SEEDX_URL": server.url}
    return Context(Shared(json=as_json), environment, terminal), out


@pytest.fixture
def number(customer: Cli) -> int:
    """A customer's ticket."""
    return int(customer.ok("ticket", "new", "-t", "Fire", "-b", "It smokes."))


@pytest.mark.parametrize("words", [("watch",), ("show", "--watch")])
def test_notes_from_before_a_watch_are_not_news(
    staff: Cli, number: int, words: tuple[str, ...]
) -> None:
    staff.ok("ticket", "note", str(number), "-b", "old note one")
    staff.ok("ticket", "note", str(number), "-b", "old note two")
    command, *options = words
    child = staff.spawn("ticket", command, str(number), *options, rows=60)
    before = seen_until(child, "old note two" if command == "show" else "Ctrl-C ends it.")
    staff.ok("ticket", "note", str(number), "-b", "news")
    after = seen_until(child, "news")
    child.send("\x03")
    after += rest_of(child)
    assert (before + after).count(b"old note") == (2 if command == "show" else 0)
    assert (before + after).count(b"news") == 1


def test_what_happens_while_the_ticket_is_read_is_shown_once(
    server: Server, staff: Cli, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, out = context_for(server, staff)
    api = context.api
    watcher = Watcher(number, context)
    read_ticket = api.tickets.show

    def show(ticket_id: int) -> Ticket:
        api.tickets.reply(ticket_id, "just before the reading", internal=True)
        ticket = read_ticket(ticket_id)
        api.tickets.reply(ticket_id, "just after the reading", internal=True)
        api.tickets.edit(ticket_id, {"status": "closed"})
        return ticket

    monkeypatch.setattr(api.tickets, "show", show)
    ticket = watcher.begin()
    watcher.run(until_solved=True)
    context.close()
    read = [message["content"] for message in ticket["messages"]]
    shown = out.getvalue()
    assert read == ["just before the reading"]
    assert "just before the reading" not in shown
    assert shown.count("just after the reading") == 1
    assert shown.count("changed the status from open to closed") == 1


def test_changes_are_told_in_plain_words(
    server: Server, customer: Cli, staff: Cli, number: int
) -> None:
    kim = staff.json("whoami")["id"]
    with Client(server.url) as visitor:
        leo = visitor.auth.signup("Leo", f"leo-{number}@example.com", PASSWORD)["id"]
    staff.ok("user", "role", f"leo-{number}@example.com", "agent")
    context, out = context_for(server, customer)
    watcher = Watcher(number, context)
    watcher.begin()
    with client_of(staff) as desk:
        desk.tickets.edit(number, {"assignee_id": kim, "priority": "high"})
        desk.tickets.edit(number, {"assignee_id": None, "tags": ["disk"]})
        desk.tickets.edit(number, {"assignee_id": leo})
        desk.tickets.edit(number, {"status": "closed"})

    watcher.run(until_solved=True)
    context.close()

    assert out.getvalue().splitlines() == [
        "-- Kim changed the priority from normal to high, took the ticket",
        "-- Kim changed the tags from none to disk, assigned the ticket to nobody",
        "-- Kim assigned the ticket to Leo",
        "-- Kim changed the status from open to closed",
    ]


def test_events_as_json_are_those_since_the_beginning(
    server: Server, staff: Cli, number: int
) -> None:
    staff.ok("ticket", "note", str(number), "-b", "old note")
    context, out = context_for(server, staff, as_json=True)
    watcher = Watcher(number, context)
    watcher.begin()
    context.api.tickets.reply(number, "news", internal=True)
    context.api.tickets.edit(number, {"status": "closed"})
    watcher.run(until_solved=True)
    context.close()
    told = [json.loads(line)["event"] for line in out.getvalue().splitlines()]
    assert told == ["message.created", "ticket.updated"]


def test_a_reply_that_is_being_written_is_followed(
    server: Server, customer: Cli, number: int
) -> None:
    context, out = context_for(server, customer)
    run = context.api.ai.start(number)
    watcher = Watcher(number, context)
    watcher.begin()
    for _ in context.api.ai.follow(run["id"]):
        pass
    context.api.tickets.edit(number, {"status": "closed"})
    watcher.run(until_solved=True)
    context.close()
    assert out.getvalue().count("Pull the **plug**") == 1
