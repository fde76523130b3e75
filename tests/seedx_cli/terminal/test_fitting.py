"""Text fitted into the columns of a terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedx_cli.terminal.fitting import display_width, prose, shortened, wrapped

words = st.text(max_size=60)


@given(text=words, width=st.integers(2, 40))
def test_what_is_shortened_fits(text: str, width: int) -> None:
    assert display_width(shortened(text, width)) <= max(width, 1)


@pytest.mark.parametrize(
    "line", ["one two three four five", "ein 例えば これは 長い 行 です", "x" * 50]
)
def test_wrapping_loses_no_word(line: str) -> None:
    rows = wrapped(line, 12)
    assert all(display_width(row) <= 12 for row in rows)
    assert "".join("".join(rows).split()) == "".join(line.split())


def test_sentences_are_wrapped_at_words() -> None:
    assert prose("Look at the server-side log of seedx/server.", 20).split("\n") == [
        "Look at the",
        "server-side log of",
        "seedx/server.",
    ]


def test_rows_are_indented_as_their_line_is() -> None:
    assert prose("  one two three", 10) == "  one two\n  three"


@pytest.mark.parametrize(
    ("line", "rows"),
    [
        ("See it: seedx ticket show 5", ["See it: seedx ticket show 5"]),
        (
            "See it: seedx ticket show 5 --profile work",
            ["See it:", "seedx ticket show 5 --profile work"],
        ),
        ("  seedx ticket show 5 --profile work", ["  seedx ticket show 5 --profile work"]),
    ],
)
def test_a_command_can_be_copied_whole(line: str, rows: list[str]) -> None:
    assert prose(line, 30).split("\n") == rows


@given(text=st.text(st.sampled_from("ab \n例"), max_size=80), width=st.integers(10, 30))
def test_prose_loses_no_word_and_fits(text: str, width: int) -> None:
    shown = prose(text, width)
    assert "".join(shown.split()) == "".join(text.split())
    assert all(display_width(row.strip()) <= width for row in shown.split("\n"))
