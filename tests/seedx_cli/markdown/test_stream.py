"""Streamed Markdown leaves the same screen behind however it was cut, and shows each row once."""

from __future__ import annotations

import itertools
import re
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.seedx_cli.markdown_streams import (
    ARTICLE,
    cut,
    output_of,
    screen_of,
)

LINES = [
    "",
    "",
    "plain words that are long enough to be wrapped at the narrower ones of the widths",
    "日本語のテキストも正しく折り返されます。日本語のテキストも正しく折り返されます。",
    "emoji 👩‍👩‍👧 ❤️‍🔥 1️⃣ and **strong *nested* words** with `code`",
    "cafe\u0301 and \u05e9\u05dc\u05d5\u05dd",
    "[link](https://example.com/a) and [an odd one](https://evil.example.com)",
    "[one] and [two]",
    "[one]: https://example.com/1",
    "[two]:",
    "'a title",
    "ends'",
    "# Title",
    "## Section #",
    "===",
    "---",
    "***",
    "- item",
    "- [ ] task",
    "* other",
    "+ third",
    "1. first",
    "1. again",
    "7) seventh",
    "-",
    "  - nested",
    "    deeper or code",
    "   continued",
    "      code in an item",
    "\tafter a tab",
    "> quote",
    "> - quoted item",
    "> ```",
    "```",
    "```python",
    "~~~ json",
    "   ```",
    "````",
    "  ```bash",
    '"""A doc',
    "/* a comment",
    "def f(x): return '*/'  # note",
    "| a | b |",
    "|---|:-:|",
    "| 1 | 写真 |",
    "a | b",
    "- | -",
    "<div>&amp; &#x202e; &#10; &#27;",
    "hard  ",
    "break\\",
    "\x1b[31m and \u202e",
]
documents = st.lists(st.sampled_from(LINES), max_size=25).map("\n".join)
anything = st.text(
    alphabet=st.sampled_from("\n\n\n ->*_`#|[]():~1.ab日👩\u200d\u0301\x1b\r\t\ud83d\ude00")
)
sizes = st.sampled_from([(40, 24), (80, 24), (120, 50), (80, 6)])


@st.composite
def chunked(draw: st.DrawFn, texts: st.SearchStrategy[str]) -> list[str]:
    text = draw(texts)
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=20)))
    return [text[start:end] for start, end in itertools.pairwise([0, *cuts, len(text)])]


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("length", [1, 3, 4, 17, 100])
def test_an_article_looks_the_same_however_it_is_cut(width: int, length: int) -> None:
    size = (width, 200)
    whole = screen_of(output_of([ARTICLE], size), size)
    pieces = screen_of(output_of(cut(ARTICLE, length), size), size)
    assert pieces.display == whole.display
    assert (pieces.cursor.x, pieces.cursor.y) == (whole.cursor.x, whole.cursor.y)


@settings(max_examples=150, deadline=None)
@given(chunked(documents), st.sampled_from([40, 80, 120]))
@example(["[one]: https://example.com/1\n'a title\n", "ends'\n\nwords"], 40)
@example(["words\n\n[one]: https://a.example\n'a title\n", "ends'\n\n[one]"], 40)
@example(["- a\n", "- b\n\n\n", "  c\n- d"], 40)
@example(["| a | b |\n", "|---|---|\n| 1 | 2 |\n", "words\n\nend"], 40)
def test_any_cut_leaves_the_same_screen(pieces: list[str], width: int) -> None:
    size = (width, 300)
    whole = screen_of(output_of(["".join(pieces)], size), size)
    streamed = screen_of(output_of(pieces, size), size)
    assert streamed.display == whole.display
    assert streamed.cursor.y == whole.cursor.y


@settings(max_examples=150, deadline=None)
@given(chunked(documents | anything), sizes)
def test_any_cut_leaves_the_same_rows_where_the_screen_scrolls(
    pieces: list[str], size: tuple[int, int]
) -> None:
    whole = screen_of(output_of(["".join(pieces)], size), size)
    streamed = screen_of(output_of(pieces, size), size)
    assert streamed.rows == whole.rows


@settings(max_examples=60, deadline=None)
@given(chunked(documents), sizes)
def test_a_stream_leaves_the_rows_of_a_file(pieces: list[str], size: tuple[int, int]) -> None:
    file = output_of(["".join(pieces)], size, live=False)
    assert screen_of(output_of(pieces, size), size).rows == screen_of(file, size).rows


STYLING = re.compile(
    r"\x1b\[[0-9;]*m"
    r"|\x1b\]8;(?:id=[0-9-]+)?;(?:(?:https?://|mailto:)[!-~]+)?\x1b\\"
    r"|\x1b\[\?(?:2026|25|7)[hl]|\x1b\[[AK]|\r(?=\x1b\[K)"
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(st.characters()) | st.sampled_from(LINES) | anything, max_size=8))
def test_nothing_controls_the_terminal_but_the_streams_own_styling(pieces: list[str]) -> None:
    shown = STYLING.sub("", output_of(pieces))
    controls = {c for c in shown if unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"}}
    assert controls <= {"\n", "\t"}
    assert not set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f") & set(
        shown
    )


@pytest.mark.parametrize("height", [4, 8, 24, 60])
def test_each_finished_block_is_printed_once(height: int) -> None:
    size = (80, height)
    blocks = [f"Block-{number} of words\n\n- item-{number}\n\n" for number in range(60)]
    rows = screen_of(output_of(cut("".join(blocks), 4), size), size).rows
    assert [row for row in rows if row] == [
        row for number in range(60) for row in (f"Block-{number} of words", f"• item-{number}")
    ]
