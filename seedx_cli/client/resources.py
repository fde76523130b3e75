"""The operations of the API: one class for each kind of resource."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, cast

from seedx_cli.client.documents import (
    Article,
    ArticlePage,
    Login,
    Message,
    MessagePage,
    Priority,
    Purpose,
    Run,
    StaffList,
    StaffMember,
    Ticket,
    TicketChanges,
    TicketPage,
    User,
    UserPage,
)
from seedx_cli.client.shapes import checked
from seedx_cli.errors import ApiError

if TYPE_CHECKING:
    from seedx_cli.client.sse import Event
    from seedx_cli.client.transport import Transport

_LAST_EVENTS = {"done", "error"}
_CREATED = 201
_PAGE = 100


class _Resource:
    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def _get(self, path: str, **query: object) -> object:
        return self._transport.request("GET", path, query=query)[1]

    def _post(self, path: str, body: Mapping[str, object], key: str | None = None) -> object:
        """Post with an `Idempotency-Key`, so that sending it again changes nothing."""
        headers = {"Idempotency-Key": key or os.urandom(16).hex()}
        return self._transport.request("POST", path, body=body, headers=headers)[1]


class Auth(_Resource):
    """Accounts and sessions."""

    def signup(self, name: str, email: str, password: str) -> User:
        """Create an account; this does not sign it in."""
        body = {"name": name, "email": email, "password": password}
        return checked(
            self._transport.request("POST", "/auth/signup", body=body, signed_in=False)[1], User
        )

    def login(self, email: str, password: str) -> User:
        """Sign in; the client's session keeps the tokens."""
        body = {"email": email, "password": password}
        response = self._transport.request("POST", "/auth/login", body=body, signed_in=False)[1]
        login = checked(response, Login)
        self._transport.session.start(login)
        return login["user"]

    def logout(self) -> None:
        """End the session on the server and forget its tokens."""
        self._transport.request("POST", "/auth/logout")
        self._transport.session.end()

    def me(self) -> User:
        """Return the account that is signed in."""
        return checked(self._get("/auth/me"), User)


class Tickets(_Resource):
    """Tickets and their conversations."""

    def list(
        self,
        *,
        status: str | None = None,
        assignee: str | None = None,
        requester: str | None = None,
        tag: str | None = None,
        priority: str | None = None,
        q: str | None = None,
        sort: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> TicketPage:
        """Return one page of tickets, newest activity first; `limit` is 1 to 100."""
        query: dict[str, object] = {
            "status": status,
            "assignee": assignee,
            "requester": requester,
            "tag": tag,
            "priority": priority,
            "q": q,
            "sort": sort,
            "limit": limit,
            "cursor": cursor,
        }
        return checked(self._get("/tickets", **query), TicketPage)

    def show(self, ticket_id: int) -> Ticket:
        """Return a ticket with all its messages, oldest first."""
        ticket = checked(self._get(f"/tickets/{ticket_id}"), Ticket)
        cursor = ticket.get("messages_next_cursor")
        while cursor:
            page = self.messages(ticket_id, cursor=cursor)
            ticket["messages"].extend(page["items"])
            cursor = page["next_cursor"]
        return ticket

    def messages(self, ticket_id: int, *, cursor: str | None = None) -> MessagePage:
        """Return one page of a ticket's messages."""
        path = f"/tickets/{ticket_id}/messages"
        return checked(self._get(path, cursor=cursor, limit=_PAGE), MessagePage)

    def new(
        self,
        title: str,
        description: str,
        *,
        priority: Priority | None = None,
        tags: Sequence[str] = (),
        key: str | None = None,
    ) -> Ticket:
        """Open a ticket; repeating the call with the same `key` returns the same ticket."""
        body: dict[str, object] = {"title": title, "description": description}
        if priority:
            body["priority"] = priority
        if tags:
            body["tags"] = [*tags]
        return checked(self._post("/tickets", body, key), Ticket)

    def reply(
        self, ticket_id: int, content: str, *, internal: bool = False, key: str | None = None
    ) -> Message:
        """Add a message, or with `internal` a note that only staff see."""
        body: dict[str, object] = {"content": content}
        if internal:
            body["internal"] = True
        return checked(self._post(f"/tickets/{ticket_id}/messages", body, key), Message)

    def edit(self, ticket_id: int, changes: TicketChanges, *, version: int | None = None) -> Ticket:
        """Change a ticket; with `version`, only if that is still the ticket's version."""
        headers = None if version is None else {"If-Match": f'"{version}"'}
        path = f"/tickets/{ticket_id}"
        body = cast("dict[str, object]", changes)
        return checked(
            self._transport.request("PATCH", path, body=body, headers=headers)[1], Ticket
        )

    def claim(self) -> Ticket | None:
        """Claim the most urgent open ticket that is assigned to nobody; None if there is none."""
        # Without a key, so never retried: that could claim a second ticket.
        ticket = self._transport.request("POST", "/tickets/claim")[1]
        return None if ticket is None else checked(ticket, Ticket)

    def events(self, ticket_id: int, *, last_id: str | None = None) -> Iterator[Event]:
        """Follow what happens on a ticket, without end; resumes if the connection breaks."""
        path = f"/tickets/{ticket_id}/events"
        return self._transport.resume(lambda seen: self._transport.stream(path, seen), last_id)


class AI(_Resource):
    """AI runs."""

    def stream(
        self,
        ticket_id: int,
        *,
        purpose: Purpose = "reply",
        instructions: str | None = None,
        key: str | None = None,
    ) -> Iterator[Event]:
        """Follow an AI run of a ticket to its end: the one in progress, or a new one.

        The first event is `run`, the last one `done` or `error`; text comes in between. After
        `restarted` the text so far is discarded.
        """
        if purpose == "reply" and instructions is None:
            return self._follow(f"/tickets/{ticket_id}/ai-response")
        return self.follow(self._start_or_join(ticket_id, purpose, instructions, key))

    def ask(
        self, question: str, about: str | None = None, *, key: str | None = None
    ) -> Iterator[Event]:
        """Ask a question that has no ticket, and follow the answer as `stream` does.

        Args:
            question: At most 2,000 characters.
            about: Text that the question is about, such as a program's output; at most 50,000
                characters.
            key: An idempotency key; the same key returns the same answer.
        """
        body = {"question": question, "context": about}
        return self.follow(checked(self._post("/ask", body, key), Run)["id"])

    def follow(self, run_id: int) -> Iterator[Event]:
        """Follow a run from its beginning to its end, as `stream` does."""
        return self._follow(f"/ai-runs/{run_id}/events")

    def start(
        self,
        ticket_id: int,
        *,
        purpose: Purpose = "reply",
        instructions: str | None = None,
        key: str | None = None,
    ) -> Run:
        """Start a run without reading it."""
        body: dict[str, object] = {"purpose": purpose}
        if instructions:
            body["instructions"] = instructions
        return checked(self._post(f"/tickets/{ticket_id}/ai-runs", body, key), Run)

    def run(self, run_id: int) -> Run:
        """Return the current state of a run."""
        return checked(self._get(f"/ai-runs/{run_id}"), Run)

    def cancel(self, run_id: int) -> None:
        """Ask the server to stop a run."""
        self._post(f"/ai-runs/{run_id}/cancel", {})

    def rate(self, message_id: int, rating: str, *, reason: str | None = None) -> None:
        """Say whether an AI reply helped: `up` or `down`."""
        body: dict[str, object] = {"rating": rating}
        if reason:
            body["reason"] = reason
        self._post(f"/messages/{message_id}/feedback", body)

    def _start_or_join(
        self, ticket_id: int, purpose: Purpose, instructions: str | None, key: str | None
    ) -> int:
        try:
            return self.start(ticket_id, purpose=purpose, instructions=instructions, key=key)["id"]
        except ApiError as error:
            run_id = error.problem.get("run_id")
            if error.code == "run_in_progress" and isinstance(run_id, int):
                return run_id
            raise

    def _follow(self, path: str) -> Iterator[Event]:
        """Read a run; once its id is known, resume the run itself if the connection breaks."""
        run_id: object = None

        def open_stream(last_id: str | None) -> Iterator[Event]:
            here = path if run_id is None else f"/ai-runs/{run_id}/events"
            return self._transport.stream(here, last_id)

        for event in self._transport.resume(open_stream):
            if event.event == "run":
                if run_id is not None:
                    continue
                run_id = event.data.get("run_id")
            yield event
            if event.event in _LAST_EVENTS:
                return


class Articles(_Resource):
    """The knowledge base."""

    def list(
        self, *, q: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> ArticlePage:
        """Return one page of articles; with `q` those that match, best first."""
        return checked(self._get("/articles", q=q, cursor=cursor, limit=limit), ArticlePage)

    def all(self) -> Iterator[Article]:
        """Read every article, page by page."""
        cursor: str | None = None
        while True:
            page = self.list(limit=_PAGE, cursor=cursor)
            yield from page["items"]
            cursor = page.get("next_cursor")
            if not cursor:
                return

    def show(self, slug: str) -> Article:
        """Return an article with its content."""
        return checked(self._get(f"/articles/{_quoted(slug)}"), Article)

    def put(
        self, slug: str, title: str, content: str, *, tags: Sequence[str] = ()
    ) -> tuple[Article, bool]:
        """Create or replace an article; the second value tells whether it is new."""
        body = {"title": title, "content": content, "tags": [*tags]}
        status, article = self._transport.request("PUT", f"/articles/{_quoted(slug)}", body=body)
        return checked(article, Article), status == _CREATED

    def delete(self, slug: str) -> None:
        """Delete an article."""
        self._transport.request("DELETE", f"/articles/{_quoted(slug)}")


class Users(_Resource):
    """Accounts: for admins, except `staff`, which all staff may see."""

    def staff(self) -> Sequence[StaffMember]:
        """Return the people whom a ticket can be assigned to, by name."""
        return checked(self._get("/staff"), StaffList)["items"]

    def list(self, *, cursor: str | None = None) -> UserPage:
        """Return one page of accounts, newest first."""
        return checked(self._get("/users", cursor=cursor, limit=_PAGE), UserPage)

    def all(self) -> Iterator[User]:
        """Read every account, page by page."""
        cursor: str | None = None
        while True:
            page = self.list(cursor=cursor)
            yield from page["items"]
            cursor = page.get("next_cursor")
            if not cursor:
                return

    def edit(self, user_id: int, *, role: str | None = None, disabled: bool | None = None) -> User:
        """Give an account another role, disable it or enable it."""
        given = {"role": role, "disabled": disabled}
        body = {name: value for name, value in given.items() if value is not None}
        return checked(self._transport.request("PATCH", f"/users/{user_id}", body=body)[1], User)


def _quoted(slug: str) -> str:
    from urllib.parse import quote

    return quote(slug, safe="")
