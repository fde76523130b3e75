"""Reading server-sent events."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from seedx_cli.client.sse import TEXT, Event, events

STREAM = (
    b": keep-alive\n\n"
    b'event: run\ndata: {"run_id": 17}\n\n'
    b'id: 17.5\ndata: {"content": "Hall\xc3\xb6\xe2\x80\xa8chen"}\r\n\r\n'
    b'event: done\nid: 17.8\ndata: {"finish_reason":\ndata: "stop"}\n\n'
    b'id: 17.9\ndata: {"content": "cut of'
)
EXPECTED = [
    Event("run", None, {"run_id": 17}),
    Event(TEXT, "17.5", {"content": "Hallö\u2028chen"}),
    Event("done", "17.8", {"finish_reason": "stop"}),
]


@given(st.lists(st.integers(0, len(STREAM))))
def test_events_are_the_same_in_whatever_pieces_they_arrive(cuts: list[int]) -> None:
    ends = [0, *sorted(cuts), len(STREAM)]
    chunks = [STREAM[start:end] for start, end in pairwise(ends)]
    assert list(events(chunks)) == EXPECTED


def test_only_text_events_have_text() -> None:
    assert [event.text for event in EXPECTED] == ["", "Hallö\u2028chen", ""]
