"""The text of a run has one place, and its readers have all of it wherever that is."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import psycopg
import pytest
from alembic import command
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from seedx_server.ai.core import RunStatus
from seedx_server.ai.engine.stream import Position
from seedx_server.app import create_app
from seedx_server.infrastructure.database import migrate
from seedx_server.infrastructure.database.engine import connection_url
from tests.factories import Desk, Person
from tests.run_process import LONG, Composition, Process, asked, replying, working
from tests.seedx_server.conftest import MakeSettings, reached
from tests.streams import events_of_text, text_of
from tests.waiting import PATIENCE_SECONDS

TEXT = "Grüße! Sign out 🙂 and in again."


@pytest.fixture
async def front(make_settings: MakeSettings) -> AsyncIterator[Desk]:
    """A desk that takes requests and works on no runs."""
    app = create_app(make_settings())
    async with reached(app) as desk:
        yield desk
    await app.state.parts.engine.dispose()
    app.state.parts.hasher.close()


@pytest.fixture
async def processes(database_url: str) -> AsyncIterator[tuple[Process, Process]]:
    """Two processes that work on the desk's runs."""
    async with AsyncExitStack() as stack:
        yield (
            await stack.enter_async_context(working(database_url, LONG, 5)),
            await stack.enter_async_context(working(database_url, LONG, 5)),
        )


@pytest.fixture
async def cleo(front: Desk) -> Person:
    """A customer."""
    return await front.customer()


async def begun(processes: tuple[Process, Process]) -> tuple[Process, Process, Composition]:
    """Wait for a run; return the process that works on it, the other one, and its text."""
    waiting = [asyncio.create_task(process.begun()) for process in processes]
    done, others = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in others:
        task.cancel()
    owner = waiting.index(next(iter(done)))
    return processes[owner], processes[1 - owner], next(iter(done)).result()


async def chunks(process: Process) -> int:
    """Count the pieces of text that the database has."""
    async with process.sessions() as session:
        connection = await session.connection()
        found = await connection.exec_driver_sql("SELECT count(*) FROM ai_run_chunks")
        return int(found.scalar_one())


async def read(process: Process, composition: Composition, offset: int) -> str:
    """Return what a reader has in the end who comes back to a process with so much text."""
    position = Position(composition.run.id, offset)
    stream = process.followers.run(composition.run, position)
    parts = b"".join([part async for part in stream])
    return text_of(events_of_text(parts.decode()), TEXT[:offset])


@pytest.mark.parametrize(
    ("purpose", "outcome", "in_message"),
    [
        ("reply", RunStatus.DONE, True),
        ("reply", RunStatus.FAILED, False),
        ("ask", RunStatus.DONE, False),
    ],
)
async def test_a_late_reader_has_all_of_it_at_any_offset_on_any_process(
    processes: tuple[Process, Process],
    cleo: Person,
    purpose: str,
    outcome: RunStatus,
    in_message: bool,
) -> None:
    run = await (asked(cleo) if purpose == "ask" else replying(cleo, await cleo.ticket()))
    owner, other, writing = await begun(processes)
    for piece in re.findall(r" ?\S+", TEXT):
        writing.say(piece)
    await owner.wrote(run, TEXT)
    writing.end(status=outcome)

    row = await owner.ended(run)

    assert await chunks(owner) == 0
    assert row["final_text"] == (None if in_message else TEXT)
    for process in (owner, other):
        for offset in range(len(TEXT) + 1):
            assert await read(process, writing, offset) == TEXT
    assert (await cleo.get(f"/ai-runs/{run}")).json()["text"] == TEXT


async def test_a_reader_in_the_middle_loses_nothing_when_the_chunks_go(
    processes: tuple[Process, Process], cleo: Person
) -> None:
    await replying(cleo, await cleo.ticket())
    owner, other, writing = await begun(processes)
    writing.say(TEXT[:10])
    await owner.wrote(writing.run.id, TEXT[:10])
    streams = [process.followers.run(writing.run, None) for process in (owner, other)]
    held = [(await anext(stream)) + (await anext(stream)) for stream in streams]
    writing.say(TEXT[10:20])
    await owner.wrote(writing.run.id, TEXT[:20])

    # Neither reader has the last words when the run ends.
    writing.say(TEXT[20:])
    writing.end()
    await owner.ended(writing.run.id)

    for parts, stream in zip(held, streams, strict=True):
        rest = b"".join([part async for part in stream])
        events = events_of_text((parts + rest).decode())
        assert text_of(events) == TEXT
        assert events[-1].name == "done"
        assert "restarted" not in [event.name for event in events]


async def test_a_run_given_back_and_then_cancelled_keeps_its_text(
    processes: tuple[Process, Process], cleo: Person
) -> None:
    run = await asked(cleo)
    owner, other, writing = await begun(processes)
    writing.say(TEXT)
    await owner.wrote(run, TEXT)
    async with owner.sessions() as session, session.begin():
        connection = await session.connection()
        await connection.exec_driver_sql("UPDATE ai_runs SET status = 'queued', lease_token = NULL")

    answer = await cleo.post(f"/ai-runs/{run}/cancel")

    assert (answer.json()["status"], answer.json()["text"]) == ("cancelled", TEXT)
    assert await chunks(other) == 0


class TestTokens:
    """Of the day's limit are used up by every run, however it ends."""

    @pytest.mark.parametrize("status", [RunStatus.CANCELLED, RunStatus.FAILED, RunStatus.DONE])
    async def test_are_estimated_where_the_provider_does_not_count_them(
        self, processes: tuple[Process, Process], cleo: Person, status: RunStatus
    ) -> None:
        run = await asked(cleo)
        owner, _, writing = await begun(processes)
        writing.live.spend(1_000)  # the prompt
        writing.say("word" * 50)
        await owner.until(run, lambda row: row["estimated_tokens"] == 1_050)

        writing.end(status=status)

        row = await owner.ended(run)
        assert (row["prompt_tokens"], row["estimated_tokens"]) == (None, 1_050)

    async def test_of_a_run_that_is_cancelled_count_towards_the_limit(
        self, make_settings: MakeSettings, processes: tuple[Process, Process], cleo: Person
    ) -> None:
        run = await asked(cleo)
        owner, _, writing = await begun(processes)
        writing.live.spend(1_000)
        writing.say("word")
        await owner.until(run, lambda row: row["estimated_tokens"] == 1_001)
        app = create_app(make_settings(ai_tokens_per_day=1_000))
        async with reached(app) as limited:
            person = Person(limited.client, cleo.session)

            while_it_runs = await person.post("/ask", {"question": "Why?"})
            await cleo.post(f"/ai-runs/{run}/cancel")
            await asyncio.wait_for(writing.stopped.wait(), PATIENCE_SECONDS)
            await owner.ended(run)
            after_it = await person.post("/ask", {"question": "Why?"})
        await app.state.parts.engine.dispose()
        app.state.parts.hasher.close()

        assert [while_it_runs.status_code, after_it.status_code] == [429, 429]


def test_texts_of_earlier_versions_find_their_place_and_back(database_url: str) -> None:
    migrate_to(database_url, "0002")
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO users (name, email, password_hash, role)"
            " VALUES ('Cleo', 'cleo@example.com', 'x', 'customer')"
        )
        for status in ("done", "running"):
            connection.execute(
                "INSERT INTO ai_runs (requested_by, purpose, question, status)"
                " VALUES (1, 'ask', 'Why?', %s)",
                [status],
            )
        for run in (1, 2):
            connection.execute(
                'INSERT INTO ai_run_chunks (run_id, "offset", text)'
                " VALUES (%(run)s, 0, 'One '), (%(run)s, 4, 'two.')",
                {"run": run},
            )

    migrate.upgrade(database_url)

    with psycopg.connect(database_url) as connection:
        texts = connection.execute("SELECT final_text FROM ai_runs ORDER BY id").fetchall()
        left = connection.execute("SELECT DISTINCT run_id FROM ai_run_chunks").fetchall()
    assert (texts, left) == ([("One two.",), (None,)], [(2,)])

    migrate_to(database_url, "0002")

    with psycopg.connect(database_url) as connection:
        joined = (
            "SELECT string_agg(text, '' ORDER BY \"offset\") FROM ai_run_chunks GROUP BY run_id"
        )
        assert connection.execute(joined).fetchall() == [("One two.",)] * 2


def migrate_to(url: str, revision: str) -> None:
    engine = create_engine(connection_url(url), poolclass=NullPool)
    with engine.connect() as connection:
        command.downgrade(migrate.configuration(connection), revision)
        connection.commit()
