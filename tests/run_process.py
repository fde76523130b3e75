"""A server process that works on runs and takes no requests, with a composer on strings."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import Connection, event, text
from sqlalchemy.exc import OperationalError

from seedx_server.ai.core import RunStatus
from seedx_server.ai.engine.conclusion import Ending
from seedx_server.ai.engine.live import LiveRun
from seedx_server.ai.engine.runner import Runner
from seedx_server.ai.engine.stream import Followers
from seedx_server.ai.models import Run
from seedx_server.ai.repository import RUN_TOPIC
from seedx_server.infrastructure.database.engine import Sessions, make_engine, make_sessions
from seedx_server.infrastructure.database.notify import Notifier
from seedx_server.infrastructure.observability import Metrics
from tests.factories import Document, Person
from tests.waiting import PATIENCE_SECONDS

LONG = timedelta(minutes=5)


@dataclass
class Composition:
    """A run's text, which the test writes."""

    run: Run
    live: LiveRun
    wake: Callable[[], None]
    ending: asyncio.Future[Ending] = field(default_factory=asyncio.Future)
    stopped: asyncio.Event = field(default_factory=asyncio.Event)

    def say(self, words: str) -> None:
        """Add to the text."""
        self.live.append(words)
        self.wake()

    def begin_anew(self) -> None:
        """Make the text so far void."""
        self.live.restart()
        self.wake()

    def end(self, **outcome: object) -> None:
        """End the text."""
        values = {"status": RunStatus.DONE, "finish_reason": "stop", "text": self.live.text}
        self.ending.set_result(Ending(**{**values, **outcome}))  # type: ignore[arg-type]  # few of many fields


class ScriptedComposer:
    """Leaves it to the test what the AI says."""

    def __init__(self) -> None:
        self.begun: asyncio.Queue[Composition] = asyncio.Queue()

    async def compose(self, run: Run, live: LiveRun, wake: Callable[[], None]) -> Ending:
        """Wait for the test to end the text."""
        composition = Composition(run, live, wake)
        await self.begun.put(composition)
        try:
            return await composition.ending
        except asyncio.CancelledError:
            composition.stopped.set()
            raise


class Process:
    """What of a server process works on runs, with a composer that the test plays."""

    def __init__(self, database_url: str, lease: timedelta, pool_size: int) -> None:
        self.engine = make_engine(database_url, pool_size)
        self.writer_engine = make_engine(database_url, 1)
        self.sessions: Sessions = make_sessions(self.engine)
        self.notifier = Notifier(database_url)
        self.metrics = Metrics()
        self.composer = ScriptedComposer()
        self.runner = Runner(
            sessions=self.sessions,
            writer_sessions=make_sessions(self.writer_engine),
            notifier=self.notifier,
            composer=self.composer,
            lease=lease,
            concurrency=4,
            metrics=self.metrics,
        )
        self.followers = Followers(
            self.sessions, self.notifier, self.runner.live, self.metrics.streams
        )

    async def begun(self) -> Composition:
        """Wait for the next run that it takes on."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self.composer.begun.get()

    async def until(self, run_id: int, reached: Callable[[Document], bool]) -> Document:
        """Wait until a run's row is as wanted, and return it."""
        with self.notifier.subscribed(f"{RUN_TOPIC}:{run_id}") as changed:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while True:
                    changed.clear()
                    if reached(row := await self.row(run_id)):
                        return row
                    await changed.wait()

    async def row(self, run_id: int) -> Document:
        """Return a run's row with its text."""
        async with self.sessions() as session:
            found = await session.execute(
                text(
                    "SELECT ai_runs.*, coalesce((SELECT string_agg(text, '' ORDER BY \"offset\")"
                    " FROM ai_run_chunks WHERE run_id = ai_runs.id), '') AS text"
                    " FROM ai_runs WHERE id = :id"
                ),
                {"id": run_id},
            )
            return dict(found.mappings().one())

    async def ended(self, run_id: int) -> Document:
        """Wait for a run's end, and return its row."""
        return await self.until(run_id, lambda row: row["finished_at"] is not None)

    async def wrote(self, run_id: int, words: str) -> None:
        """Wait until the database has this text."""
        await self.until(run_id, lambda row: row["text"] == words)


@asynccontextmanager
async def working(database_url: str, lease: timedelta, pool_size: int) -> AsyncIterator[Process]:
    process = Process(database_url, lease, pool_size)
    await process.notifier.start()
    await asyncio.wait_for(process.notifier.connected.wait(), PATIENCE_SECONDS)
    await process.runner.start()
    try:
        yield process
    finally:
        await process.runner.stop()
        await process.notifier.stop()
        await process.writer_engine.dispose()
        await process.engine.dispose()


async def asked(person: Person) -> int:
    """Ask a question and return its run."""
    answer = await person.post("/ask", {"question": "Why?"})
    assert answer.status_code == 202, answer.text
    run: int = answer.json()["id"]
    return run


async def replying(person: Person, ticket: Document, purpose: str = "reply") -> int:
    """Start a run on a ticket and return it."""
    answer = await person.post(f"/tickets/{ticket['id']}/ai-runs", {"purpose": purpose})
    assert answer.status_code == 202, answer.text
    run: int = answer.json()["id"]
    return run


@contextmanager
def after_commit(
    process: Process, when: str, then: Callable[[], object]
) -> Iterator[asyncio.Event]:
    """Call `then` between the first commit of what said `when` and its answer.

    Gives an event that is set at that moment.
    """
    committed = asyncio.Event()
    writers: set[Connection] = set()
    engines = [process.engine.sync_engine, process.writer_engine.sync_engine]

    def note(connection: Connection, _: object, statement: str, *__: object) -> None:
        if when in statement:
            writers.add(connection)

    def hold(connection: Connection) -> None:
        if connection in writers and not committed.is_set():
            connection.connection.commit()
            committed.set()
            then()

    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
        event.listen(engine, "commit", hold)
    try:
        yield committed
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)
            event.remove(engine, "commit", hold)


def lose_the_answer() -> None:
    raise OperationalError("COMMIT", {}, Exception("the connection broke"))
