"""Repositories return a row only to an actor who may see it."""

from collections.abc import AsyncIterator
from typing import ClassVar

import pytest
import pytest_asyncio
from sqlalchemy import Select, select
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.ext.asyncio import AsyncSession

from seedx_server.ai.models import Run
from seedx_server.ai.repository import RunRepository
from seedx_server.infrastructure.access import Actor, Role
from seedx_server.infrastructure.database.engine import Identified
from seedx_server.infrastructure.database.repository import RepositoryInterface, SqlRepository
from seedx_server.knowledge.models import Article
from seedx_server.messages.models import Message
from seedx_server.messages.repository import MessageRepository
from seedx_server.tickets.models import Ticket
from seedx_server.tickets.repository import TicketRepository
from seedx_server.users.models import User
from seedx_server.users.repository import UserRepository
from tests.factories import Desk, Document, Person
from tests.seedx_server.conftest import in_module_loop, of_module

OUT_OF_RANGE = [0, -1, 2**31, 2**63, 10**30, -(10**30)]


def actor_of(person: Person) -> Actor:
    user = person.user
    return Actor(id=user["id"], role=Role(user["role"]), name=user["name"], session_id=1)


@pytest_asyncio.fixture(loop_scope="module")
async def session(shared_desk: Desk) -> AsyncIterator[AsyncSession]:
    """A session that ends with the test, and its locks with it."""
    async with shared_desk.sessions() as session:
        yield session


@of_module
async def ticket(cleo: Person, ada: Person) -> Document:
    """A ticket of Cleo's with a message of hers and a note."""
    ticket = await cleo.ticket()
    await cleo.message(ticket, "hello")
    await ada.message(ticket, "he sounds upset", internal=True)
    return ticket


class TestTheInterface:
    def test_has_no_instances(self) -> None:
        with pytest.raises(TypeError, match="abstract"):
            RepositoryInterface()  # type: ignore[abstract]  # that is what is shown

    def test_cannot_be_implemented_without_visible_to(self) -> None:
        class Blind(SqlRepository[Ticket]):
            model: ClassVar[type[Identified]] = Ticket

        with pytest.raises(TypeError, match="visible_to"):
            Blind(AsyncSession())  # type: ignore[abstract]  # that is what is shown

    def test_is_implemented_for_every_table_that_actors_read(self) -> None:
        scoped = {repository.model for repository in SqlRepository.__subclasses__()}

        assert scoped >= {Article, Message, Run, Ticket, User}


@in_module_loop
class TestWhatAnActorSees:
    async def test_of_tickets(
        self, session: AsyncSession, ticket: Document, cleo: Person, otto: Person, ada: Person
    ) -> None:
        tickets = TicketRepository(session)

        for person, sees in ((cleo, True), (ada, True), (otto, False)):
            row = await tickets.get(ticket["id"], actor=actor_of(person))
            locked = await tickets.lock(ticket["id"], actor=actor_of(person))
            page = await tickets.page(actor=actor_of(person), limit=100)
            assert (row is not None) is sees
            assert (locked is not None) is sees
            assert (ticket["id"] in [found.id for found in page.items]) is sees

    async def test_of_messages(
        self, session: AsyncSession, ticket: Document, cleo: Person, otto: Person, ada: Person
    ) -> None:
        messages = MessageRepository(session)
        every = await messages.of_ticket(ticket["id"], actor=actor_of(ada), limit=9, cursor=None)
        ids = [message.id for message in every.items]

        for person, contents in (
            (cleo, {"hello"}),
            (ada, {"hello", "he sounds upset"}),
            (otto, set[str]()),
        ):
            actor = actor_of(person)
            page = await messages.of_ticket(ticket["id"], actor=actor, limit=9, cursor=None)
            named = await messages.of_ids(ids, actor=actor)
            single = [await messages.get(key, actor=actor) for key in ids]
            assert {message.content for message in page.items} == contents
            assert {message.content for message in named} == contents
            assert {message.content for message in single if message} == contents

    async def test_of_runs(
        self, shared_desk: Desk, ticket: Document, cleo: Person, otto: Person, ada: Person
    ) -> None:
        async with shared_desk.sessions() as session, session.begin():
            for purpose in ("reply", "draft", "summary"):
                session.add(
                    Run(
                        ticket_id=ticket["id"],
                        requested_by=ada.user["id"],
                        purpose=purpose,
                        status="done",
                    )
                )
            await session.flush()
            runs = RunRepository(session)
            seen = {
                name: {run.purpose for run in (await runs.page(actor=actor, limit=9)).items}
                for name, actor in (
                    ("cleo", actor_of(cleo)),
                    ("otto", actor_of(otto)),
                    ("ada", actor_of(ada)),
                )
            }

        assert seen == {"cleo": {"reply"}, "otto": set(), "ada": {"reply", "draft", "summary"}}

    async def test_of_accounts(
        self, session: AsyncSession, cleo: Person, ada: Person, rosa: Person
    ) -> None:
        users = UserRepository(session)
        everybody = {person.user["id"] for person in (cleo, ada, rosa)}

        for person in (cleo, ada):
            page = await users.page(actor=actor_of(person), limit=100)
            assert [user.id for user in page.items] == [person.user["id"]]
            assert await users.get(rosa.user["id"], actor=actor_of(person)) is None
        page = await users.page(actor=actor_of(rosa), limit=100)
        assert everybody <= {user.id for user in page.items}


@in_module_loop
class TestReading:
    @pytest.mark.parametrize("key", OUT_OF_RANGE)
    async def test_an_id_that_no_row_can_have_finds_nothing(
        self, session: AsyncSession, rosa: Person, key: int
    ) -> None:
        actor = actor_of(rosa)

        assert await UserRepository(session).get(key, actor=actor) is None
        assert await UserRepository(session).lock(key, actor=actor) is None
        assert not await UserRepository(session).unscoped_is_staff(key)
        assert await TicketRepository(session).get(key, actor=actor) is None
        assert await TicketRepository(session).lock(key, actor=actor) is None
        assert await MessageRepository(session).get(key, actor=actor) is None
        assert await RunRepository(session).get(key, actor=actor) is None

    async def test_a_list_comes_newest_first_a_page_at_a_time(
        self, session: AsyncSession, otto: Person
    ) -> None:
        for number in range(3):
            await otto.ticket(str(number))
        tickets = TicketRepository(session)
        found: list[int] = []
        cursor = None
        while True:
            page = await tickets.page(actor=actor_of(otto), limit=2, cursor=cursor)
            found += [row.id for row in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break

        assert len(found) == 3
        assert found == sorted(found, reverse=True)

    async def test_related_rows_are_never_loaded_lazily(
        self, session: AsyncSession, ticket: Document
    ) -> None:
        session.expunge_all()
        bare: Select[Ticket] = select(Ticket).where(Ticket.id == ticket["id"])
        row = (await session.scalars(bare)).one()
        message = (await session.scalars(select(Message))).first()

        for read in (
            lambda: row.requester,
            lambda: row.assignee,
            lambda: row.search,
            lambda: row.priority_rank,
            lambda: message and message.author,
        ):
            with pytest.raises(InvalidRequestError, match="raise"):
                read()
