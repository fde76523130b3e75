"""What is seen of Markdown before it is whole does not flicker and costs little."""

from __future__ import annotations

import pytest

from seedx_cli.markdown.preview import LONGEST_PREVIEW, preview


@pytest.mark.parametrize(
    ("source", "seen"),
    [
        ("words\n-", "words\n"),
        ("words\n==", "words\n"),
        ("words\n#", "words\n"),
        ("words\n12.", "words\n"),
        ("words\n> ", "words\n"),
        ("words\n```pyth", "words\n"),
        ("| Disk | Si", ""),
        ("| Disk | Size |\n|--", ""),
        ("see [the gui", "see "),
        ("see [the guide](https://exam", "see "),
        ("see ![a chart](http", "see "),
    ],
)
def test_what_cannot_be_judged_yet_is_not_seen(source: str, seen: str) -> None:
    assert preview(source, table=False) == seen


@pytest.mark.parametrize(
    "source",
    ["words\n- item", "1. first", "# Title", "a [b] c", "[b](http://a) c", "2 * 3 ** 4", "a - b"],
)
def test_what_is_settled_is_seen(source: str) -> None:
    assert preview(source, table=False) == source


@pytest.mark.parametrize(
    ("source", "seen"),
    [
        ("a **bold", "a **bold**"),
        ("a **bold ", "a **bold**"),
        ("a **", "a "),
        ("a `cod", "a `cod`"),
        ("a `", "a "),
        ("`a` **b** `c", "`a` **b** `c`"),
    ],
)
def test_open_emphasis_and_code_are_closed(source: str, seen: str) -> None:
    assert preview(source, table=False) == seen


@pytest.mark.parametrize("source", ["word " * 10_000, "words\n" * 10_000, "x" * 50_000])
def test_the_end_of_a_long_text_is_enough(source: str) -> None:
    seen = preview(source, table=False)
    assert len(seen) <= LONGEST_PREVIEW
    assert source.endswith(seen)


def test_the_beginning_of_what_is_seen_stays_while_a_text_grows() -> None:
    words = [f"word{number}" for number in range(2000)]
    beginnings = {preview(" ".join(words[:end]), table=False)[:8] for end in range(1900, 1920)}
    assert len(beginnings) <= 2


def test_a_long_table_keeps_its_header() -> None:
    rows = [f"| {number} | x |" for number in range(1000)]
    seen = preview("\n".join(["| a | b |", "|---|---|", *rows]), table=True).split("\n")
    assert seen[:2] == ["| a | b |", "|---|---|"]
    assert seen[-1] == "| 999 | x |"
    assert len(seen) < 20
