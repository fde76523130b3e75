"""People and tickets for tests, made through the API like everybody's."""

from dataclasses import dataclass
from typing import Any

import httpx
from fastapi import FastAPI
from sqlalchemy import TextClause, text

from seedx_server.infrastructure.access import Role
from seedx_server.infrastructure.database.engine import Sessions
from seedx_server.tickets.core import Status
from seedx_server.users.repository import UserRepository
from seedx_server.users.security import PasswordHasher, utc_now
from seedx_server.users.service import UserService

PASSWORD = "two-lamps-and-a-stone"

Document = dict[str, Any]


@dataclass(frozen=True)
class Person:
    """Somebody who is signed in.

    Attributes:
        client: Reaches the desk.
        session: What signing in gave.
    """

    client: httpx.AsyncClient
    session: Document

    @property
    def user(self) -> Document:
        """Their account."""
        user: Document = self.session["user"]
        return user

    @property
    def headers(self) -> dict[str, str]:
        """What their requests carry."""
        return {"Authorization": f"Bearer {self.session['access_token']}"}

    async def send(
        self, method: str, path: str, json: object = None, **headers: str
    ) -> httpx.Response:
        """Send a request; a header's underscores stand for hyphens."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.request(method, path, json=json, headers={**self.headers, **named})

    async def get(self, path: str, **headers: str) -> httpx.Response:
        """Send a GET."""
        return await self.send("GET", path, **headers)

    async def post(self, path: str, json: object = None, **headers: str) -> httpx.Response:
        """Send a POST."""
        return await self.send("POST", path, json, **headers)

    async def patch(self, path: str, json: object = None, **headers: str) -> httpx.Response:
        """Send a PATCH."""
        return await self.send("PATCH", path, json, **headers)

    async def put(self, path: str, json: object = None, **headers: str) -> httpx.Response:
        """Send a PUT."""
        return await self.send("PUT", path, json, **headers)

    async def ticket(self, title: str = "It breaks", **fields: object) -> Document:
        """Open a ticket."""
        body = {"title": title, "description": "When I start it, it stops.", **fields}
        return await created(await self.post("/tickets", body))

    async def message(self, ticket: Document, content: str, **fields: object) -> Document:
        """Add a message to a ticket."""
        body = {"content": content, **fields}
        return await created(await self.post(f"/tickets/{ticket['id']}/messages", body))

    async def change(self, ticket: Document, **fields: object) -> Document:
        """Change a ticket."""
        answer = await self.patch(f"/tickets/{ticket['id']}", fields)
        assert answer.status_code == 200, answer.text
        document: Document = answer.json()
        return document

    async def read(self, ticket: Document) -> Document:
        """Read a ticket with its conversation."""
        answer = await self.get(f"/tickets/{ticket['id']}")
        assert answer.status_code == 200, answer.text
        document: Document = answer.json()
        return document


async def created(answer: httpx.Response) -> Document:
    """Return the document of a 201."""
    assert answer.status_code == 201, answer.text
    document: Document = answer.json()
    return document


class Desk:
    """A running desk and the people at it.

    Args:
        client: Reaches the API with no token.
        app: The app, for what only the server's own machine may do.
    """

    def __init__(self, client: httpx.AsyncClient, app: FastAPI) -> None:
        self.client = client
        self.app = app
        self.sessions: Sessions = app.state.parts.sessions

    def stop_streams(self) -> None:
        """Do what the server does first when it is told to stop."""
        self.app.state.parts.followers.stop()

    async def customer(self, name: str = "Cleo") -> Person:
        """Sign up and log in a customer."""
        account = {"name": name, "email": f"{name.lower()}@example.com", "password": PASSWORD}
        await created(await self.client.post("/auth/signup", json=account))
        return await self.log_in(account["email"])

    async def staff(self, name: str = "Ada", role: Role = Role.AGENT) -> Person:
        """Sign up somebody, give them a role and log them in."""
        person = await self.customer(name)
        async with self.sessions() as session, session.begin():
            service = UserService(UserRepository(session), PasswordHasher(), utc_now)
            await service.set_role_of(person.user["email"], role)
        return await self.log_in(person.user["email"])

    async def log_in(self, email: str, password: str = PASSWORD) -> Person:
        """Log in and return the person."""
        answer = await self.client.post("/auth/login", json={"email": email, "password": password})
        assert answer.status_code == 200, answer.text
        return Person(self.client, answer.json())


def path_of(ticket: Document) -> str:
    """Where a ticket is."""
    return f"/tickets/{ticket['id']}"


def fields_of(answer: httpx.Response) -> set[str]:
    """Return the fields that a refusal names."""
    return {error["field"] for error in answer.json()["errors"]}


async def in_status(staff: Person, requester: Person, status: Status) -> Document:
    """Open a ticket and bring it into a status."""
    ticket = await requester.ticket()
    return ticket if status is Status.OPEN else await staff.change(ticket, status=status)


def lock_row(ticket: Document) -> TextClause:
    """Return the statement that holds a ticket's row until the transaction ends."""
    return text("SELECT 1 FROM tickets WHERE id = :id FOR UPDATE").bindparams(id=ticket["id"])
