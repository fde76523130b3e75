"""A ticket with its conversation, as text."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from seedx_cli.client.documents import Citation, Message, Ticket
from seedx_cli.terminal.fitting import prose, wrapped
from seedx_cli.terminal.safe_text import safe, safe_line

if TYPE_CHECKING:
    from seedx_cli.terminal.terminal import Terminal

_STATUS_STYLES = {
    "open": "green",
    "pending": "magenta",
    "on_hold": "magenta",
    "resolved": "cyan",
    "closed": "dim",
}
_INDENT = "  "
_NOTE = "note, staff only"


def for_terminal(ticket: Ticket, io: Terminal, now: datetime) -> str:
    """Return a ticket and its conversation for a person at a terminal."""
    byline = _byline(ticket["requester"]["name"], ticket["created_at"], io, now)
    opened = byline + _as_written(ticket["description"], io)
    entries = [message_for_terminal(message, io, now) for message in ticket.get("messages", [])]
    return "\n".join([_heading(ticket, io), opened, *entries])


def message_for_terminal(message: Message, io: Terminal, now: datetime) -> str:
    """Return one message for a person at a terminal."""
    byline = _byline(author(message), message["created_at"], io, now, internal=message["internal"])
    show = _as_markdown if message["is_ai"] else _as_written
    cited = [f"{prose(_INDENT + line, io.width)}\n" for line in sources(message["citations"])]
    return "".join([byline, show(message["content"], io), *(["\n", *cited] if cited else [])])


def for_pipe(ticket: Ticket, io: Terminal) -> str:
    """Return a ticket for programs and `less`: one field per line, then the whole conversation."""
    assignee = ticket["assignee"]
    fields = {
        "id": str(ticket["id"]),
        "title": ticket["title"],
        "status": ticket["status"],
        "priority": ticket["priority"],
        "tags": ", ".join(ticket["tags"]),
        "requester": ticket["requester"]["name"],
        "assignee": assignee["name"] if assignee else "",
        "created": ticket["created_at"],
        "updated": ticket["updated_at"],
    }
    styles = {"title": "bold", "status": _style_of(ticket["status"])}
    head = "".join(
        f"{name}:\t{io.style(safe_line(value), *filter(None, [styles.get(name)]))}\n"
        for name, value in fields.items()
    )
    entries = [f"--\n{safe(ticket['description'])}\n"]
    entries += [message_for_pipe(message, io) for message in ticket.get("messages", [])]
    return head + "".join(entries)


def message_for_pipe(message: Message, io: Terminal) -> str:
    """Return one message for programs: a line that identifies it, then its text."""
    facts = (author(message), _kind(message) or "message", message["created_at"])
    named = "\t".join([f"-- {message['id']}", *map(safe_line, facts)])
    cited = "".join(f"{line}\n" for line in sources(message["citations"]))
    return f"{io.style(named, 'bold')}\n{safe(message['content'])}\n{cited}"


def author(message: Message) -> str:
    """Return the name of a message's author."""
    if message["is_ai"]:
        return "SeedX AI"
    written_by = message["author"]
    return written_by["name"] if written_by else "somebody"


def sources(citations: list[Citation]) -> list[str]:
    """Return a line for each article that an AI reply cites, with its number in the text."""
    lines: list[str] = []
    for index, citation in enumerate(citations, 1):
        number = citation.get("number", index)
        title = citation.get("title") or citation.get("slug") or "?"
        heading = citation.get("heading")
        url = citation.get("url") or ""
        where = url if url.startswith("http") else f"seedx kb show {citation.get('slug')}"
        named = f"{title}, {heading}" if heading and heading != title else title
        lines.append(safe_line(f"[{number}] {named}: {where}"))
    return lines


def _heading(ticket: Ticket, io: Terminal) -> str:
    title = prose(safe_line(f"#{ticket['id']} {ticket['title']}"), io.width)
    assignee = ticket["assignee"]
    status = safe_line(ticket["status"])
    facts = [
        status,
        f"{ticket['priority']} priority",
        f"assigned to {assignee['name']}" if assignee else "nobody assigned",
        *(f"#{tag}" for tag in ticket["tags"]),
    ]
    facts_told = prose(safe_line(" · ".join(facts)), io.width).removeprefix(status)
    return f"{io.style(title, 'bold')}\n{io.style(status, _style_of(status))}{facts_told}\n"


def _style_of(status: str) -> str:
    return _STATUS_STYLES.get(status, "bold")


def _byline(name: str, moment: str, io: Terminal, now: datetime, *, internal: bool = False) -> str:
    label = f" {io.style(_NOTE, 'magenta')}" if internal else ""
    when = io.style(safe_line(io.time(moment, now)), "dim")
    return f"{io.style(safe_line(name), 'bold')}{label}  {when}\n"


def _as_written(content: str, io: Terminal) -> str:
    """Keep the lines as a person wrote them: often they are logs or mail, not Markdown."""
    width = io.width - len(_INDENT)
    rows = (row for line in safe(content).split("\n") for row in wrapped(line, width))
    return _indented(rows)


def _as_markdown(content: str, io: Terminal) -> str:
    from seedx_cli.markdown.drawing import markdown

    return _indented(markdown(content, io, io.width - len(_INDENT)).splitlines())


def _indented(rows: Iterable[str]) -> str:
    return "".join(f"{_INDENT}{row}\n" if row else "\n" for row in rows)


def _kind(message: Message) -> str:
    if message["internal"]:
        return _NOTE
    return "AI" if message["is_ai"] else ""
