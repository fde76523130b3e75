"""Runs when things go wrong at the worst moment: nothing lost, doubled or left for ever."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.util import await_only

from seedx_server.ai.answer.filters import AnswerFilter
from seedx_server.ai.answer.generation import GenerationFailed, Limits
from seedx_server.ai.answer.sentences import ASK_SENTENCES, FALLBACK_NOTE, HANDOFF_SENTENCES
from seedx_server.ai.core import Purpose, RunStatus
from seedx_server.ai.engine.conclusion import Conclusion
from seedx_server.ai.engine.runner import MOST_ATTEMPTS
from seedx_server.ai.leases import Lease, RunLeases
from seedx_server.ai.providers.protocol import (
    ChatMessage,
    Finished,
    GenerationRequest,
    ProviderEvent,
    TextDelta,
)
from seedx_server.app import create_app
from seedx_server.infrastructure.database import engine as database
from seedx_server.messages.core import LONGEST_MESSAGE
from tests.factories import Desk, Document, Person
from tests.generations import run as run_generation
from tests.run_process import (
    LONG,
    Process,
    after_commit,
    asked,
    lose_the_answer,
    replying,
    working,
)
from tests.seedx_server.conftest import MakeSettings, reached, running
from tests.waiting import PATIENCE_SECONDS, until_blocked

StartProcess = Callable[..., Awaitable[Process]]


@pytest.fixture
async def front(make_settings: MakeSettings) -> AsyncIterator[Desk]:
    """A desk that takes requests and works on no runs."""
    app = create_app(make_settings())
    async with reached(app) as desk:
        yield desk
    await app.state.parts.engine.dispose()
    app.state.parts.hasher.close()


@pytest.fixture
async def start_process(database_url: str) -> AsyncIterator[StartProcess]:
    """Start processes that work on the desk's runs."""
    async with AsyncExitStack() as stack:

        async def start(lease: timedelta = LONG, pool_size: int = 5) -> Process:
            return await stack.enter_async_context(working(database_url, lease, pool_size))

        yield start


@pytest.fixture
async def process(start_process: StartProcess) -> Process:
    """One such process."""
    return await start_process()


@pytest.fixture
async def cleo(front: Desk) -> Person:
    """A customer."""
    return await front.customer()


class TestACommitWhoseAnswerIsLost:
    """The client sees an error, but the rows are there."""

    async def test_of_text_loses_and_doubles_nothing(self, process: Process, cleo: Person) -> None:
        run = await asked(cleo)
        writing = await process.begun()
        with after_commit(process, "INTO ai_run_chunks", lose_the_answer) as lost:
            writing.say("one ")
            await asyncio.wait_for(lost.wait(), PATIENCE_SECONDS)
            writing.say("two ")
            await process.wrote(run, "one two ")
        writing.say("three")
        await process.wrote(run, "one two three")
        writing.end()

        assert (await process.ended(run))["text"] == "one two three"

    async def test_of_the_end_posts_one_message(self, process: Process, cleo: Person) -> None:
        ticket = await cleo.ticket()
        run = await replying(cleo, ticket)
        writing = await process.begun()
        with after_commit(process, "INTO messages", lose_the_answer) as lost:
            writing.say("It is mended.")
            writing.end()
            await asyncio.wait_for(lost.wait(), PATIENCE_SECONDS)
            row = await process.ended(run)

        messages = (await cleo.read(ticket))["messages"]
        assert [message["id"] for message in messages] == [row["result_message_id"]]
        assert row["text"] == "It is mended."


class TestCancelling:
    async def test_at_the_very_end_leaves_no_run_behind(
        self, process: Process, cleo: Person, database_url: str
    ) -> None:
        run = await asked(cleo)
        writing = await process.begun()
        writing.say("The answer.")
        await process.wrote(run, "The answer.")
        async with await psycopg.AsyncConnection.connect(database_url) as other:
            await other.execute("UPDATE ai_runs SET cancel_requested = true")
            writing.live.on_change(writing.live)
            await other.execute(until_blocked())
            writing.end()
            await asyncio.sleep(0)  # the runner now waits for the writer to let go of the run
            await other.commit()

        assert (await process.ended(run))["status"] in {"done", "cancelled"}
        assert run not in process.runner.live

    async def test_before_a_process_has_it_ends_it_for_every_reader(
        self, front: Desk, cleo: Person
    ) -> None:
        ticket = await cleo.ticket()
        run = await replying(cleo, ticket)

        answer = await cleo.post(f"/ai-runs/{run}/cancel")

        assert answer.json()["status"] == "cancelled"
        assert answer.json()["finish_reason"] == "cancelled"
        async with front.sessions() as session:
            kinds = (await session.scalars(text("SELECT type FROM events ORDER BY id"))).all()
        assert kinds == ["ticket.created", "run.started", "run.finished"]


class TestALeaseThatRanOut:
    async def test_with_nobody_to_take_the_run_is_extended_by_its_owner(
        self, process: Process, cleo: Person
    ) -> None:
        run = await asked(cleo)
        writing = await process.begun()
        writing.say("one ")
        await process.wrote(run, "one ")
        async with process.sessions() as session, session.begin():
            await session.execute(text("UPDATE ai_runs SET lease_until = now() - interval '1s'"))
            await session.execute(text("SELECT pg_notify('seedx', 'runs')"))

        another = await asked(cleo)
        begun = await process.begun()
        assert begun.run.id == another  # it has looked for runs since
        begun.end()
        writing.say("two")
        writing.end()

        row = await process.ended(run)
        assert (row["text"], row["edition"], row["attempts"]) == ("one two", 1, 1)

    async def test_leaves_nothing_of_the_text_before(self, process: Process, cleo: Person) -> None:
        run = await asked(cleo)
        first = await process.begun()
        first.say("A first try ")
        await process.wrote(run, "A first try ")
        first.say("that is lost")
        await process.wrote(run, "A first try that is lost")
        async with process.sessions() as session, session.begin():
            await session.execute(
                text("UPDATE ai_runs SET lease_token = NULL, lease_until = now()")
            )
            await session.execute(text(f"SELECT pg_notify('seedx', 'cancel:{run}')"))
        await asyncio.wait_for(first.stopped.wait(), PATIENCE_SECONDS)

        later = await process.begun()
        later.say("Short.")
        written = await process.until(run, lambda row: row["text"].startswith("Short."))
        later.end()

        assert written["text"] == "Short."
        await process.ended(run)

    async def test_is_not_given_back_by_who_lost_it(self, process: Process, cleo: Person) -> None:
        run = await asked(cleo)
        writing = await process.begun()
        before = await process.row(run)

        async with process.sessions() as session, session.begin():
            await RunLeases(session).release(Lease(run, uuid.uuid4()))

        after = await process.row(run)
        held = ("status", "attempts", "lease_token")
        assert [after[name] for name in held] == [before[name] for name in held]
        writing.end()
        await process.ended(run)

    async def test_is_told_to_a_reader_who_saw_text_that_was_never_written(
        self, start_process: StartProcess, cleo: Person, database_url: str
    ) -> None:
        owner = await start_process()
        run = await asked(cleo)
        first = await owner.begun()
        first.say("A first try ")
        await owner.wrote(run, "A first try ")
        async with await psycopg.AsyncConnection.connect(database_url) as other:
            # The owner's writer waits for the row, as if its database were far away.
            await other.execute("SELECT 1 FROM ai_runs FOR UPDATE")
            first.restart()
            first.say("A second try")
            stream = owner.followers.run(first.run, None)
            seen = [await anext(stream), await anext(stream)]
            assert b"A second try" in seen[1]
            await other.execute(
                "UPDATE ai_runs SET lease_token = NULL, lease_until = now() - interval '1s'"
            )
            await other.commit()
        await asyncio.wait_for(first.stopped.wait(), PATIENCE_SECONDS)
        later = await owner.begun()
        later.say("The text of a new owner.")
        later.end()

        rest = b"".join([part async for part in stream])

        assert later.run.edition == first.live.edition
        assert b"event: restarted" in rest
        assert rest.partition(b"event: restarted")[2].count(b"The text of a new owner.") == 1


def is_left_by(process: Process, attempt: int, row: Document) -> bool:
    """Return whether the process has given up this attempt at a run."""
    return row["attempts"] == attempt and row["id"] not in process.runner.live


class TestTheEndOfARun:
    async def test_that_the_database_refuses_fails_the_run(
        self, process: Process, cleo: Person
    ) -> None:
        run = await asked(cleo)
        writing = await process.begun()
        writing.say("The answer.")

        writing.end(completion_tokens=10**12)

        row = await process.ended(run)
        assert (row["status"], row["text"]) == ("failed", "The answer.")

    async def test_that_can_never_be_written_does_not_restart_it_for_ever(
        self, process: Process, cleo: Person, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def refuse(*_: object) -> None:
            raise RuntimeError("the end cannot be written")

        monkeypatch.setattr(Conclusion, "write", refuse)
        run = await asked(cleo)
        for attempt in range(1, MOST_ATTEMPTS + 2):
            if attempt <= MOST_ATTEMPTS:
                (await process.begun()).end()
            await process.until(run, partial(is_left_by, process, attempt))
            async with process.sessions() as session, session.begin():
                await session.execute(text("UPDATE ai_runs SET lease_until = now()"))
                await session.execute(text("SELECT pg_notify('seedx', 'runs')"))

        row = await process.ended(run)

        assert (row["status"], row["finish_reason"]) == ("failed", "error")
        assert row["error"] == "The answer was started several times and never finished."
        assert process.composer.begun.empty()

    async def test_of_a_failed_reply_after_a_persons_answer_leaves_the_ticket(
        self, front: Desk, process: Process, cleo: Person
    ) -> None:
        ada = await front.staff()
        ticket = await cleo.ticket()
        run = await replying(cleo, ticket)
        writing = await process.begun()
        await ada.message(ticket, "Ada here: it is mended.")

        writing.end(status=RunStatus.FAILED, finish_reason="error")

        await process.ended(run)
        assert (await cleo.read(ticket))["status"] == "pending"

    async def test_outlives_a_cut_connection(
        self, process: Process, cleo: Person, database_url: str
    ) -> None:
        ticket = await cleo.ticket()
        run = await replying(cleo, ticket)
        writing = await process.begun()
        async with await psycopg.AsyncConnection.connect(database_url) as other:
            await other.execute("SELECT 1 FROM tickets FOR UPDATE")
            writing.say("It is mended.")
            writing.end()
            await other.execute(until_blocked())
            await other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            await other.commit()

        row = await process.ended(run)
        assert row["status"] == "done"
        assert len((await cleo.read(ticket))["messages"]) == 1


class TestStopping:
    async def test_in_the_middle_of_a_claim_gives_the_run_back_at_once(
        self, process: Process, cleo: Person
    ) -> None:
        gate = asyncio.Event()
        with after_commit(process, "UPDATE ai_runs", lambda: await_only(gate.wait())) as claimed:
            run = await asked(cleo)
            await asyncio.wait_for(claimed.wait(), PATIENCE_SECONDS)
            stopping = asyncio.create_task(process.runner.stop())
            await asyncio.sleep(0)
            gate.set()
            await stopping

        row = await process.row(run)
        assert (row["status"], row["attempts"]) == ("queued", 0)


class TestText:
    @pytest.mark.parametrize(
        ("pieces", "answer"),
        [
            (("a\x00b",), "ab"),
            (("a\ud83d", "\ude00b"), "a😀b"),
            (("a\ud83d", "b"), "a\N{REPLACEMENT CHARACTER}b"),
            (("a\ude00b",), "a\N{REPLACEMENT CHARACTER}b"),
            (("ab\ud83d",), "ab\N{REPLACEMENT CHARACTER}"),
        ],
    )
    def test_is_what_a_database_can_keep(self, pieces: Sequence[str], answer: str) -> None:
        answers = AnswerFilter([])

        assert "".join([*map(answers.feed, pieces), answers.finish()]) == answer

    def test_that_is_cut_still_fits_a_message_with_what_the_desk_adds(self) -> None:
        additions = [FALLBACK_NOTE, *HANDOFF_SENTENCES.values(), *ASK_SENTENCES.values()]

        longest = Limits().characters + len(FALLBACK_NOTE) + max(map(len, additions)) + 4

        assert longest <= LONGEST_MESSAGE


@dataclass
class PlayedProvider:
    """A provider of somebody else's making."""

    name: str
    said: Sequence[ProviderEvent | Exception]
    model: str = "played"
    asked: int = 0

    async def stream(self, request: GenerationRequest) -> AsyncIterator[ProviderEvent]:
        """Say what it was given to say."""
        assert request.question
        self.asked += 1
        for said in self.said:
            if isinstance(said, Exception):
                raise said
            yield said

    async def aclose(self) -> None:
        """Break."""
        raise RuntimeError("it cannot even be closed")


ONE_TRY = Limits(retries=0)
QUESTION = GenerationRequest(
    Purpose.REPLY, [ChatMessage("user", "Why?")], "Why?", temperature=0, max_tokens=10
)


class TestAProviderWithABug:
    async def test_gives_way_to_its_fallback(self, caplog: pytest.LogCaptureFixture) -> None:
        broken = PlayedProvider("broken", [KeyError("choices")])
        sound = PlayedProvider("sound", [TextDelta("An answer."), Finished("stop")])

        told = await run_generation(broken, sound, request=QUESTION, limits=ONE_TRY)

        assert told.ended.provider == "sound"
        assert told.fallbacks == [("broken", "bug")]
        assert "KeyError" in caplog.text

    async def test_in_mid_answer_fails_like_any_other(self) -> None:
        broken = PlayedProvider("broken", [TextDelta("An ans"), KeyError("choices")])

        with pytest.raises(GenerationFailed):
            await run_generation(broken, request=QUESTION, limits=ONE_TRY)

    async def test_in_its_closing_keeps_nothing_else_open(
        self, make_settings: MakeSettings, caplog: pytest.LogCaptureFixture
    ) -> None:
        app = create_app(make_settings())
        app.state.parts.providers.insert(0, PlayedProvider("broken", []))

        async with running(app):
            pass

        assert app.state.parts.engine.pool.checkedin() == 0
        assert "cannot even be closed" in caplog.text


class TestAPoolThatIsUsedUp:
    async def test_does_not_cost_a_run_its_lease(
        self, start_process: StartProcess, cleo: Person
    ) -> None:
        process = await start_process(lease=timedelta(seconds=1), pool_size=1)
        run = await asked(cleo)
        writing = await process.begun()
        before = (await process.row(run))["lease_until"]
        async with AsyncExitStack() as stack:
            for _ in range(2):
                session: AsyncSession = await stack.enter_async_context(process.sessions())
                await session.connection()
            with after_commit(process, "AS owned", lambda: None) as extended:
                await asyncio.wait_for(extended.wait(), PATIENCE_SECONDS)

        assert (await process.row(run))["lease_until"] > before
        writing.end()
        await process.ended(run)


class TestNotifications:
    async def test_that_a_listener_fails_on_do_not_deafen_the_process(
        self, process: Process, caplog: pytest.LogCaptureFixture
    ) -> None:
        def broken(_: str) -> None:
            raise KeyError("odd")

        process.notifier.on_topic("odd", broken)
        with process.notifier.subscribed("run:1") as changed:
            changed.clear()
            async with process.sessions() as session, session.begin():
                await session.execute(text("SELECT pg_notify('seedx', 'odd:1')"))
            await asyncio.wait_for(changed.wait(), PATIENCE_SECONDS)

        assert process.notifier.connected.is_set()
        assert "could not handle a notification" in caplog.text


class TestLimits:
    async def test_of_runs_hold_for_questions_that_come_at_once(
        self, make_settings: MakeSettings
    ) -> None:
        app = create_app(make_settings(ai_runs_per_hour=3))
        async with running(app), reached(app) as desk:
            cleo = await desk.customer()
            answers = await asyncio.gather(
                *(cleo.post("/ask", {"question": "Why?"}) for _ in range(8))
            )

        codes = sorted(answer.status_code for answer in answers)
        assert codes == [202] * 3 + [429] * 5
        waits = [int(a.headers["Retry-After"]) for a in answers if a.status_code == 429]
        assert all(3_500 < wait <= 3_600 for wait in waits)

    async def test_of_one_run_a_ticket_hold_for_requests_that_come_at_once(
        self, cleo: Person
    ) -> None:
        ticket = await cleo.ticket()
        path = f"/tickets/{ticket['id']}/ai-runs"

        answers = await asyncio.gather(*(cleo.post(path, {"purpose": "reply"}) for _ in range(4)))

        assert sorted(answer.status_code for answer in answers) == [202, 409, 409, 409]
        runs = {a.json().get("run_id", a.json().get("id")) for a in answers}
        assert len(runs) == 1


class TestAnOutage:
    async def test_is_waited_out(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(database, "RETRY_SECONDS", 0)
        refusals = [OperationalError("SELECT", {}, Exception("gone")), ConnectionRefusedError()]

        async def work() -> str:
            if refusals:
                raise refusals.pop()
            return "done"

        assert await database.outlasting_outages(work) == "done"

    async def test_is_not_what_a_bug_is(self) -> None:
        async def work() -> None:
            raise ProgrammingError("SELEKT", {}, Exception("syntax"))

        with pytest.raises(ProgrammingError):
            await database.outlasting_outages(work)
