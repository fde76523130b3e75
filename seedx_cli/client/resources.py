"""What a client can do with the API, one class for each kind of thing."""

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
    Ticket,
    TicketChanges,
    TicketPage,
    User,
    UserPage,
)
from seedx_cli.client.shapes import checked
from seedx_cli.errors import ApiError

if TYPE_CHECKING:
    from seedx_cli.client import Client
    from seedx_cli.client.sse import Event

_LAST_EVENTS = {"done", "error"}
_CREATED = 201
_PAGE = 100


class _Resource:
    def __init__(self, client: Client) -> None:
        self._client = client

    def _get(self, path: str, **query: object) -> object:
        return self._client.request("GET", path, query=query)[1]

    def _post(self, path: str, body: Mapping[str, object], key: str | None = None) -> object:
        """Post under an `Idempotency-Key`, so that a repetition changes nothing."""
        headers = {"Idempotency-Key": key or os.urandom(16).hex()}
        return self._client.request("POST", path, body=body, headers=headers)[1]


class Auth(_Resource):
    """Accounts and sessions."""

    def signup(self, name: str, email: str, password: str) -> User:
        """Make an account; it is not signed in by that."""
        body = {"name": name, "email": email, "password": password}
        return checked(
            self._client.request("POST", "/auth/signup", body=body, signed_in=False)[1], User
        )

    def login(self, email: str, password: str) -> User:
        """Sign in; the client's session keeps the tokens."""
        body = {"email": email, "password": password}
        answer = self._client.request("POST", "/auth/login", body=body, signed_in=False)[1]
        login = checked(answer, Login)
        self._client.session.start(login)
        return login["user"]

    def logout(self) -> None:
        """End the session on the server and forget its tokens."""
        self._client.request("POST", "/auth/logout")
        self._client.session.end()

    def me(self) -> User:
        """The account that is signed in."""
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
        """One page of tickets, the newest activity first; `limit` is 1 to 100."""
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

    def get(self, ticket_id: int) -> Ticket:
        """A ticket with its messages, all of them, oldest first."""
        ticket = checked(self._get(f"/tickets/{ticket_id}"), Ticket)
        cursor = ticket.get("messages_next_cursor")
        while cursor:
            page = self.messages(ticket_id, cursor=cursor)
            ticket["messages"].extend(page["items"])
            cursor = page["next_cursor"]
        return ticket

    def messages(self, ticket_id: int, *, cursor: str | None = None) -> MessagePage:
        """One page of a ticket's messages."""
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
        """Open a ticket; the same `key` again gives the same ticket."""
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

    def change(self, ticket_id: int, changes: TicketChanges, *, etag: str | None = None) -> Ticket:
        """Change a ticket; with `etag` only if it still is the version of that tag."""
        headers = {"If-Match": etag} if etag else None
        path = f"/tickets/{ticket_id}"
        body = cast("dict[str, object]", changes)
        return checked(self._client.request("PATCH", path, body=body, headers=headers)[1], Ticket)

    def claim(self) -> Ticket | None:
        """Take the most urgent open ticket that nobody has; None when there is none."""
        # Not repeated after a failure: a second attempt could take a second ticket.
        ticket = self._client.request("POST", "/tickets/claim")[1]
        return None if ticket is None else checked(ticket, Ticket)

    def events(self, ticket_id: int, *, last_id: str | None = None) -> Iterator[Event]:
        """A ticket's life as it happens, without end; it survives cuts."""
        path = f"/tickets/{ticket_id}/events"
        return self._client.resume(lambda seen: self._client.stream(path, seen), last_id)


class Assistant(_Resource):
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
        `restarted` the text so far is void.
        """
        if purpose == "reply" and instructions is None:
            return self._follow(f"/tickets/{ticket_id}/ai-response")
        return self.follow(self._start_or_join(ticket_id, purpose, instructions, key))

    def ask(
        self, question: str, about: str | None = None, *, key: str | None = None
    ) -> Iterator[Event]:
        """Have a question answered that has no ticket, and follow the answer as `stream`.

        Args:
            question: At most 2,000 characters.
            about: What it is about, such as a program's output; at most 50,000 characters.
            key: The same `key` again gives the same answer.
        """
        body = {"question": question, "context": about}
        return self.follow(checked(self._post("/ask", body, key), Run)["id"])

    def follow(self, run_id: int) -> Iterator[Event]:
        """Read a run from its beginning to its end, as `stream`."""
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
        """A run as it stands."""
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
        """Read a run; once its number is known, a cut goes on at the run itself."""
        run_id: object = None

        def connect(last_id: str | None) -> Iterator[Event]:
            here = path if run_id is None else f"/ai-runs/{run_id}/events"
            return self._client.stream(here, last_id)

        for event in self._client.resume(connect):
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
        """One page of articles; with `q`, those that fit, the best first."""
        return checked(self._get("/articles", q=q, cursor=cursor, limit=limit), ArticlePage)

    def all(self) -> Iterator[Article]:
        """Every article, page by page."""
        cursor: str | None = None
        while True:
            page = self.list(limit=_PAGE, cursor=cursor)
            yield from page["items"]
            cursor = page.get("next_cursor")
            if not cursor:
                return

    def get(self, slug: str) -> Article:
        """An article with its content."""
        return checked(self._get(f"/articles/{_quoted(slug)}"), Article)

    def put(
        self, slug: str, title: str, content: str, *, tags: Sequence[str] = ()
    ) -> tuple[Article, bool]:
        """Write an article; the second part is whether it is new."""
        body = {"title": title, "content": content, "tags": [*tags]}
        status, article = self._client.request("PUT", f"/articles/{_quoted(slug)}", body=body)
        return checked(article, Article), status == _CREATED

    def delete(self, slug: str) -> None:
        """Remove an article."""
        self._client.request("DELETE", f"/articles/{_quoted(slug)}")


class Users(_Resource):
    """Accounts, for admins."""

    def list(self, *, cursor: str | None = None) -> UserPage:
        """One page of accounts, the newest first."""
        return checked(self._get("/users", cursor=cursor, limit=_PAGE), UserPage)

    def all(self) -> Iterator[User]:
        """Every account, page by page."""
        cursor: str | None = None
        while True:
            page = self.list(cursor=cursor)
            yield from page["items"]
            cursor = page.get("next_cursor")
            if not cursor:
                return

    def change(
        self, user_id: int, *, role: str | None = None, disabled: bool | None = None
    ) -> User:
        """Give an account another role, or close and reopen it."""
        given = {"role": role, "disabled": disabled}
        body = {name: value for name, value in given.items() if value is not None}
        return checked(self._client.request("PATCH", f"/users/{user_id}", body=body)[1], User)


def _quoted(slug: str) -> str:
    from urllib.parse import quote

    return quote(slug, safe="")
