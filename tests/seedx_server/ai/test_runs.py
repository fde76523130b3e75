"""A reply: streamed, posted once, and only if nothing newer happened."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from tests.factories import Desk, Document, Person
from tests.fake_upstream import FakeUpstream, Reply
from tests.runs import ANSWER, answered, by_groq, reply_path, run_of
from tests.seedx_server.conftest import StartDesk
from tests.streams import StreamEvent, followed, opened, text_of


@dataclass(frozen=True)
class Busy:
    """A desk whose one place for runs is taken until the gate opens."""

    desk: Desk
    cleo: Person
    gate: asyncio.Event


class TestAReply:
    async def test_streams_the_run_then_text_then_done(self, groq_desk: Desk) -> None:
        cleo = await groq_desk.customer()
        ticket = await cleo.ticket()

        events = await followed(cleo, reply_path(ticket))

        assert events[0].name == "run"
        assert events[0].data["ticket_id"] == ticket["id"]
        assert events[0].data["provider"] == "groq"
        assert events[0].data["purpose"] == "reply"
        assert text_of(events) == "".join(ANSWER)
        assert events[-1].name == "done"
        assert events[-1].data["finish_reason"] == "stop"
        assert events[-1].data["usage"] == {"prompt_tokens": 21, "completion_tokens": 13}
        assert events[-1].id == f"{events[0].data['run_id']}.{len(''.join(ANSWER))}"

    async def test_to_a_member_of_staff_who_opened_the_ticket_is_to_a_customer(
        self, groq_desk: Desk, upstream: FakeUpstream
    ) -> None:
        ada = await groq_desk.staff()
        ticket = await ada.ticket()
        await ada.message(ticket, "Why does the export stop?")

        await answered(ada, ticket)

        assert "Message 2, customer, " in upstream.requests[0].prompt

    async def test_is_one_message_and_makes_it_the_customers_turn(self, groq_desk: Desk) -> None:
        cleo = await groq_desk.customer()
        ticket = await cleo.ticket()

        done = await answered(cleo, ticket)

        after = await cleo.read(ticket)
        assert [message["content"] for message in after["messages"]] == ["".join(ANSWER)]
        assert after["messages"][0]["id"] == done.data["message_id"]
        assert after["messages"][0]["is_ai"] is True
        assert after["messages"][0]["author"] is None
        assert after["status"] == "pending"

    async def test_asked_for_again_is_the_same_reply(
        self, groq_desk: Desk, upstream: FakeUpstream
    ) -> None:
        cleo = await groq_desk.customer()
        ticket = await cleo.ticket()

        first = await followed(cleo, reply_path(ticket))
        second = await followed(cleo, reply_path(ticket))

        assert text_of(second) == text_of(first)
        assert second[-1] == first[-1]
        assert len(upstream.requests) == 1

    async def test_to_a_newer_message_is_a_new_run(self, groq_desk: Desk) -> None:
        cleo = await groq_desk.customer()
        ticket = await cleo.ticket()
        first = await answered(cleo, ticket)
        await cleo.message(ticket, "That did not help.")

        second = await answered(cleo, ticket)

        assert second.data["run_id"] != first.data["run_id"]
        assert len((await cleo.read(ticket))["messages"]) == 3

    async def test_goes_on_when_its_reader_leaves(
        self, groq_desk: Desk, upstream: FakeUpstream
    ) -> None:
        gate = asyncio.Event()
        upstream.script(Reply(ANSWER, gate=gate, gate_at=1))
        cleo = await groq_desk.customer()
        ticket = await cleo.ticket()
        async with opened(cleo, reply_path(ticket)) as events:
            async for event in events:
                if event.name is None:
                    break
        gate.set()

        rest = await followed(cleo, reply_path(ticket))

        assert text_of(rest) == "".join(ANSWER)
        assert len((await cleo.read(ticket))["messages"]) == 1
        assert len(upstream.requests) == 1

    async def test_in_progress_is_joined_by_every_reader(
        self, groq_desk: Desk, upstream: FakeUpstream
    ) -> None:
        gate = asyncio.Event()
        upstream.script(Reply(ANSWER, gate=gate, gate_at=1))
        cleo = await groq_desk.customer()
        ada = await groq_desk.staff()
        ticket = await cleo.ticket()
        readers = [
            asyncio.create_task(followed(person, reply_path(ticket)))
            for person in (cleo, ada, cleo)
        ]
        await upstream.received()
        gate.set()

        streams = await asyncio.gather(*readers)

        assert {text_of(events) for events in streams} == {"".join(ANSWER)}
        assert {events[0].data["run_id"] for events in streams} == {1}
        assert len(upstream.requests) == 1

    async def test_to_a_closed_ticket_is_refused(self, groq_desk: Desk) -> None:
        cleo = await groq_desk.customer()
        ticket = await cleo.ticket()
        await cleo.change(ticket, status="closed")

        answer = await cleo.get(reply_path(ticket))

        assert answer.status_code == 409
        assert answer.json()["code"] == "ticket_closed"

    async def test_of_another_customers_ticket_is_not_there(self, groq_desk: Desk) -> None:
        cleo = await groq_desk.customer()
        mallory = await groq_desk.customer("Mallory")
        ticket = await cleo.ticket()
        done = await answered(cleo, ticket)
        run = done.data["run_id"]

        for path in (reply_path(ticket), f"/ai-runs/{run}", f"/ai-runs/{run}/events"):
            assert (await mallory.get(path)).status_code == 404
        assert (await mallory.post(f"/ai-runs/{run}/cancel")).status_code == 404


class TestAReplyThatIsOvertaken:
    """It becomes a draft for staff."""

    @pytest.fixture
    async def scene(self, groq_desk: Desk, upstream: FakeUpstream) -> AsyncIterator["Overtaken"]:
        gate = asyncio.Event()
        upstream.script(Reply(ANSWER, gate=gate, gate_at=1))
        cleo, ada = await groq_desk.customer(), await groq_desk.staff()
        ticket = await cleo.ticket()
        reading = asyncio.create_task(followed(cleo, reply_path(ticket)))
        await upstream.received()
        yield Overtaken(cleo, ada, ticket, gate, reading)
        reading.cancel()

    async def test_by_a_persons_answer_is_not_posted(self, scene: "Overtaken") -> None:
        await scene.ada.message(scene.ticket, "Ada here: it is mended.")

        done = await scene.end()

        assert done.data["message_id"] is None
        assert done.data["finish_reason"] == "superseded"
        after = await scene.cleo.read(scene.ticket)
        assert [message["content"] for message in after["messages"]] == ["Ada here: it is mended."]
        draft = await run_of(scene.ada, done)
        assert draft["text"] == "".join(ANSWER)
        assert draft["posted"] is False

    async def test_by_a_new_assignee_is_not_posted(self, scene: "Overtaken") -> None:
        await scene.ada.change(scene.ticket, assignee_id=scene.ada.user["id"])

        done = await scene.end()

        assert done.data["message_id"] is None
        assert (await scene.cleo.read(scene.ticket))["messages"] == []

    async def test_by_the_customers_next_message_is_not_posted(self, scene: "Overtaken") -> None:
        await scene.cleo.message(scene.ticket, "One more thing.")

        done = await scene.end()

        assert done.data["message_id"] is None

    async def test_by_the_closing_of_the_ticket_is_not_posted(self, scene: "Overtaken") -> None:
        await scene.cleo.change(scene.ticket, status="closed")

        done = await scene.end()

        assert done.data["message_id"] is None
        assert (await scene.cleo.read(scene.ticket))["status"] == "closed"

    async def test_only_by_a_note_is_posted_all_the_same(self, scene: "Overtaken") -> None:
        await scene.ada.message(scene.ticket, "Let the AI try.", internal=True)

        done = await scene.end()

        assert done.data["message_id"] is not None


class Overtaken:
    """A reply that waits in mid-text while something happens to its ticket."""

    def __init__(
        self,
        cleo: Person,
        ada: Person,
        ticket: Document,
        gate: asyncio.Event,
        reading: asyncio.Task[list[StreamEvent]],
    ) -> None:
        self.cleo = cleo
        self.ada = ada
        self.ticket = ticket
        self._gate = gate
        self._reading = reading

    async def end(self) -> StreamEvent:
        """Let the reply go on and return its last event."""
        self._gate.set()
        return (await self._reading)[-1]


class TestAReplyThatWaitsItsTurn:
    """Until its process has room, messages come."""

    @pytest.fixture
    async def busy(self, start_desk: StartDesk, upstream: FakeUpstream) -> AsyncIterator[Busy]:
        gate = asyncio.Event()
        desk = await start_desk(**by_groq(upstream, ai_concurrency=1))
        cleo = await desk.customer()
        upstream.script(Reply(ANSWER, gate=gate))
        first = asyncio.create_task(followed(cleo, reply_path(await cleo.ticket())))
        await upstream.received()
        yield Busy(desk, cleo, gate)
        await first

    async def test_reads_what_the_customer_adds_and_answers_it(
        self, busy: Busy, upstream: FakeUpstream
    ) -> None:
        ticket = await busy.cleo.ticket()
        await busy.cleo.post(f"/tickets/{ticket['id']}/ai-runs", {"purpose": "reply"})
        await busy.cleo.message(ticket, "It is the red one.")
        busy.gate.set()

        done = await answered(busy.cleo, ticket)

        assert "It is the red one." in upstream.requests[1].prompt
        assert done.data["message_id"] is not None

    async def test_is_not_posted_after_a_persons_answer(self, busy: Busy) -> None:
        ada = await busy.desk.staff()
        ticket = await busy.cleo.ticket()
        started = await busy.cleo.post(f"/tickets/{ticket['id']}/ai-runs", {"purpose": "reply"})
        await ada.message(ticket, "Ada here: it is mended.")
        busy.gate.set()

        events = await followed(busy.cleo, f"/ai-runs/{started.json()['id']}/events")

        assert events[-1].data["finish_reason"] == "superseded"


class TestAHandOff:
    async def test_puts_the_ticket_before_staff_and_says_so(
        self, groq_desk: Desk, upstream: FakeUpstream
    ) -> None:
        upstream.script(
            Reply(("That is for a person.",), hand_off=json.dumps({"reason": "policy"}))
        )
        cleo, ada = await groq_desk.customer(), await groq_desk.staff()
        ticket = await cleo.ticket()
        await ada.change(ticket, status="pending")

        done = await answered(cleo, ticket)

        assert done.data["handoff"] == "policy"
        after = await cleo.read(ticket)
        assert after["status"] == "open"
        assert "person" in after["messages"][-1]["content"]
        async with opened(ada, f"/tickets/{ticket['id']}/events") as events:
            async for event in events:
                if event.name == "run.finished":
                    assert event.data["data"]["handoff"] == "policy"
                    break

    async def test_with_no_text_still_tells_the_customer(
        self, groq_desk: Desk, upstream: FakeUpstream
    ) -> None:
        upstream.script(Reply((), hand_off=json.dumps({"reason": "customer_request"})))
        cleo = await groq_desk.customer()
        ticket = await cleo.ticket()

        done = await answered(cleo, ticket)

        assert done.data["handoff"] == "customer_request"
        assert (await cleo.read(ticket))["messages"][0]["content"]


class TestAFailedRun:
    async def test_ends_with_a_problem_and_leaves_the_ticket_open(
        self, groq_desk: Desk, upstream: FakeUpstream
    ) -> None:
        upstream.default = Reply(status=500)
        cleo, ada = await groq_desk.customer(), await groq_desk.staff()
        ticket = await cleo.ticket()
        await ada.change(ticket, status="pending")

        error = await answered(cleo, ticket)

        assert error.name == "error"
        assert error.data["status"] == 503
        assert error.data["code"] == "ai_provider_unavailable"
        assert f"seedx ai {ticket['id']}" in error.data["detail"]
        after = await cleo.read(ticket)
        assert after["messages"] == []
        assert after["status"] == "open"
        run = await run_of(cleo, StreamEvent(None, None, {"run_id": 1}))
        assert (run["status"], run["handoff"]) == ("failed", "provider_failure")

    @pytest.mark.parametrize("purpose", ["draft", "summary"])
    async def test_of_staff_says_how_to_run_it_again_and_nothing_of_the_ticket(
        self, groq_desk: Desk, upstream: FakeUpstream, purpose: str
    ) -> None:
        upstream.default = Reply(status=500)
        cleo, ada = await groq_desk.customer(), await groq_desk.staff()
        ticket = await cleo.ticket()
        await ada.change(ticket, status="pending")

        run = (await ada.post(f"/tickets/{ticket['id']}/ai-runs", {"purpose": purpose})).json()
        error = (await followed(ada, f"/ai-runs/{run['id']}/events"))[-1]

        assert error.name == "error"
        assert error.data["detail"].endswith(f"Try again with: seedx ai {ticket['id']} --{purpose}")
        assert "open for a person" not in error.data["detail"]
        assert "support team" not in error.data["detail"]
        assert (await cleo.read(ticket))["status"] == "pending"

    async def test_can_be_tried_again(self, groq_desk: Desk, upstream: FakeUpstream) -> None:
        upstream.script(Reply(status=500))
        cleo = await groq_desk.customer()
        ticket = await cleo.ticket()
        await answered(cleo, ticket)

        done = await answered(cleo, ticket)

        assert done.name == "done"
        assert len((await cleo.read(ticket))["messages"]) == 1

    async def test_falls_back_to_the_articles_and_says_so(
        self, start_desk: StartDesk, upstream: FakeUpstream
    ) -> None:
        upstream.default = Reply(status=500)
        desk = await start_desk(**by_groq(upstream, ai_fallback=("knowledge",)))
        cleo = await desk.customer()
        ticket = await cleo.ticket()

        events = await followed(cleo, reply_path(ticket))

        assert events[-1].name == "done"
        assert events[-1].data["provider"] == "knowledge"
        assert "unavailable" in text_of(events)
