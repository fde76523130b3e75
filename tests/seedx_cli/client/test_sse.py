"""Reading server-sent events."""

from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedx_cli.client.sse import LONGEST_EVENT, TEXT, Event, events

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


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
def test_any_end_of_line_and_a_byte_order_mark_are_understood(start: bytes, end: bytes) -> None:
    body = start + end.join([b"id: 1.1", b'data: {"content": "a"}', b"", b": more", b""])
    assert list(events([body])) == [Event(TEXT, "1.1", {"content": "a"})]


def test_an_id_that_a_header_cannot_carry_is_not_used() -> None:
    assert list(events(["id: 1.\u00e9\ndata: {}\n\n".encode()])) == [Event(TEXT, None, {})]


@pytest.mark.parametrize(
    "piece", [b"x" * 65_536, b"data: " + b"x" * 1_000 + b"\n", b"data:\n" * 999]
)
def test_an_event_without_end_is_read_to_its_limit_only(piece: bytes) -> None:
    read = 0

    def endless() -> Iterator[bytes]:
        nonlocal read
        while True:
            read += len(piece)
            yield piece

    with pytest.raises(ValueError, match="too long"):
        list(events(endless()))
    # What is read holds the names of the fields too.
    assert read < 8 * LONGEST_EVENT


def test_many_events_may_be_longer_than_one_together() -> None:
    event = b'data: {"content": "' + b"x" * 1_000_000 + b'"}\n\n'
    assert len(list(events([event] * 6))) == 6
