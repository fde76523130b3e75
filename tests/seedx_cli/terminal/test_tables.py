"""Tables and times."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedx_cli.terminal.fitting import display_width
from seedx_cli.terminal.tables import Column, fitted, tab_separated
from seedx_cli.terminal.times import relative, until

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
COLUMNS = [
    Column("ID"),
    Column("TITLE", flexible=True),
    Column("WHO", flexible=True, optional=True),
]

words = st.text(max_size=60)


def plain(text: str, *_: str) -> str:
    return text


@given(rows=st.lists(st.tuples(words, words, words), max_size=5), width=st.integers(20, 120))
def test_no_row_is_wider_than_the_terminal(rows: list[tuple[str, str, str]], width: int) -> None:
    rows = [(str(index), title, who) for index, (_, title, who) in enumerate(rows)]
    for line in fitted(COLUMNS, rows, width, plain).splitlines():
        assert display_width(line) <= width


@given(rows=st.lists(st.tuples(words, words), min_size=1, max_size=5))
def test_a_pipe_gets_one_line_a_row_and_one_tab_between_cells(rows: list[tuple[str, str]]) -> None:
    lines = tab_separated(COLUMNS[:2], rows, plain).split("\n")
    assert lines.pop() == ""
    assert [line.count("\t") for line in lines] == [1] * len(rows)


def test_a_pipe_gets_cells_whole() -> None:
    long = "word " * 200
    assert tab_separated(COLUMNS[:2], [[long, "x"]], plain) == f"{long}\tx\n"


def test_columns_that_may_go_do_so_before_the_others_become_unreadable() -> None:
    rows = [["1", "A title of some length", "Somebody with a name"]]
    assert "WHO" in fitted(COLUMNS, rows, 40, plain)
    assert "WHO" not in fitted(COLUMNS, rows, 18, plain)


@pytest.mark.parametrize(
    ("ago", "expected"),
    [
        (timedelta(seconds=5), "just now"),
        (timedelta(seconds=-30), "just now"),
        (timedelta(minutes=1), "1 minute ago"),
        (timedelta(hours=3, minutes=59), "3 hours ago"),
        (timedelta(days=29), "29 days ago"),
        (timedelta(days=400), "2025-10-19"),
    ],
)
def test_how_long_ago(ago: timedelta, expected: str) -> None:
    assert relative((NOW - ago).isoformat(), NOW) == expected


def test_a_time_that_is_none_is_shown_as_it_is() -> None:
    assert relative("yesterday", NOW) == "yesterday"


def test_how_long_until() -> None:
    assert until((NOW + timedelta(minutes=59, seconds=5)).isoformat(), NOW) == "in 59 minutes"
    assert until((NOW + timedelta(seconds=5)).isoformat(), NOW) == "in under a minute"
