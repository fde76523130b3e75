"""A ticket with its conversation, as text."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from seedx_cli.documents import Citation, Message, Ticket
from seedx_cli.safe_text import safe, safe_line

if TYPE_CHECKING:
    from seedx_cli.terminal import Terminal

_STATUS_STYLES = {
    "open": "green",
    "pending": "magenta",
    "on_hold": "magenta",
    "resolved": "cyan",
    "closed": "dim",
}
_INDENT = "  "


def for_terminal(ticket: Ticket, io: Terminal, now: datetime) -> str:
    """A ticket as a person reads it."""
    number = io.style(f"#{ticket['id']}", "bold")
    status = ticket["status"]
    assignee = ticket["assignee"]
    facts = [
        io.style(safe_line(status), _STATUS_STYLES.get(status, "bold")),
        f"{safe_line(ticket['priority'])} priority",
        f"assigned to {safe_line(assignee['name'])}" if assignee else "nobody assigned",
        *(safe_line(f"#{tag}") for tag in ticket["tags"]),
    ]
    head = f"{number} {io.style(safe_line(ticket['title']), 'bold')}\n{' · '.join(facts)}\n"
    by = _byline(ticket["requester"]["name"], "", ticket["created_at"], io, now)
    opened = by + _indented(ticket["description"])
    entries = [message_for_terminal(message, io, now) for message in ticket.get("messages", [])]
    return "\n".join([head, opened, *entries])


def message_for_terminal(message: Message, io: Terminal, now: datetime) -> str:
    """One message as a person reads it."""
    by = _byline(author(message), _kind(message), message["created_at"], io, now)
    cited = "".join(f"{_INDENT}{line}\n" for line in sources(message["citations"]))
    return by + _indented(message["content"]) + cited


def for_pipe(ticket: Ticket) -> str:
    """A ticket for programs and `less`: fields by tab, then the conversation, nothing left out."""
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
    head = "".join(f"{name}:\t{safe_line(value)}\n" for name, value in fields.items())
    entries = [f"--\n{safe(ticket['description'])}\n"]
    entries += [message_for_pipe(message) for message in ticket.get("messages", [])]
    return head + "".join(entries)


def message_for_pipe(message: Message) -> str:
    """One message for programs: a line that names it, then its text."""
    named = "\t".join(
        [f"-- {message['id']}", author(message), _kind(message) or "message", message["created_at"]]
    )
    cited = "".join(f"{line}\n" for line in sources(message["citations"]))
    return f"{safe(named)}\n{safe(message['content'])}\n{cited}"


def author(message: Message) -> str:
    """Who wrote a message."""
    if message["is_ai"]:
        return "SeedX AI"
    written_by = message["author"]
    return written_by["name"] if written_by else "somebody"


def sources(citations: list[Citation]) -> list[str]:
    """The articles that an AI reply cites, one a line, by their numbers in the text."""
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


def _byline(name: str, kind: str, moment: str, io: Terminal, now: datetime) -> str:
    label = f" {io.style(kind, 'magenta')}" if kind else ""
    when = io.style(safe_line(io.time(moment, now)), "dim")
    return f"{io.style(safe_line(name), 'bold')}{label}  {when}\n"


def _indented(content: str) -> str:
    return "".join(f"{_INDENT}{line}\n" if line else "\n" for line in safe(content).split("\n"))


def _kind(message: Message) -> str:
    if message["internal"]:
        return "note, staff only"
    return "AI" if message["is_ai"] else ""
