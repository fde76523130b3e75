"""Runs in tests: a desk whose AI is scripted, and how its replies are asked for."""

from tests.factories import Document, Person
from tests.fake_upstream import FakeUpstream
from tests.streams import StreamEvent, followed

ANSWER = ("Sign out, ", "then sign in ", "again.")


def by_groq(upstream: FakeUpstream, **overrides: object) -> dict[str, object]:
    """Settings of a desk whose AI is the scripted one, with nothing to fall back on."""
    return {
        "groq_api_key": "gsk-test",
        "groq_base_url": upstream.url,
        "ai_fallback": (),
        "ai_retries": 0,
        **overrides,
    }


def reply_path(ticket: Document) -> str:
    """Where a ticket's AI reply streams."""
    return f"/tickets/{ticket['id']}/ai-response"


async def answered(person: Person, ticket: Document) -> StreamEvent:
    """Have the AI reply and return the stream's last event."""
    return (await followed(person, reply_path(ticket)))[-1]


async def run_of(person: Person, event: StreamEvent) -> Document:
    """Return the run that an event belongs to."""
    document: Document = (await person.get(f"/ai-runs/{event.data['run_id']}")).json()
    return document
