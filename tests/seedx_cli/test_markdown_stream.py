"""Streamed Markdown leaves the same screen behind however it was cut, and shows each row once."""

from __future__ import annotations

import io
import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator

import pyte
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.console import Console, ConsoleDimensions

from seedx_cli.markdown import FRAMES_PER_SECOND, MarkdownStream
from seedx_cli.markdown_screen import opens_links, reflows

ARTICLE = """\
# Why the build failed 🚀

Hello **Ann**, the log says `ENOSPC`; see [the guide](https://docs.example.com/disk) and
<https://status.example.com>. 日本語のテキストも、絵文字👩‍👩‍👧も正しく折り返されます。

1. Find what takes space:
   - old images
     - dangling ones
   - logs

2. Remove it

   ```bash
   docker system prune -af --volumes   # removes everything that nobody uses any more, so ask first
   ```
3. Build again

> **Note**: pruning removes *stopped* containers too.
>
> > Quoted twice.

~~~python
def free(path: str) -> int:
    \"\"\"Free space.

    In bytes.\"\"\"
    return shutil.disk_usage(path).free
~~~

| Disk | Size | Used by |
|------|-----:|:-------:|
| sda  | 20G  | `docker` |
| sdb  | 1.5T | backups, 写真 and quite a lot of other things that people keep |

***

Underlined
----------

    indented

    code

[named]: https://example.com/named
    "with a title"

![A chart](https://img.example.com/a.png), ~~gone~~, [named], last words
"""
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


class Terminal(pyte.HistoryScreen):
    """A terminal that keeps what scrolls off its top."""

    def __init__(self, width: int, height: int) -> None:
        super().__init__(width, height, history=100_000, ratio=0.5)
        self._input = pyte.Stream(self)

    def draw(self, data: str) -> None:
        # pyte drops what follows a joiner within one piece.
        for character in data:
            super().draw(character)

    def show(self, text: str) -> None:
        self._input.feed(text.replace("\n", "\r\n"))

    @property
    def rows(self) -> list[str]:
        """Every row since the start, top down, without blanks at the ends."""
        width = range(self.columns)
        passed = ["".join(row[x].data for x in width) for row in self.history.top]
        rows = [row.rstrip() for row in (*passed, *self.display)]
        return list(itertools.dropwhile(lambda row: not row, rows[::-1]))[::-1]


class Clock:
    """Time that passes when it is told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def console_of(width: int, height: int) -> Console:
    return Console(
        file=io.StringIO(), force_terminal=True, width=width, height=height, color_system="256"
    )


def play(console: Console, pieces: Iterable[str], *, live: bool = True, step: float = 1.0) -> None:
    """Stream pieces; each has its own frame unless less time passes between them."""
    clock = Clock()
    with MarkdownStream(console, live=live, hyperlinks=True, clock=clock) as stream:
        for piece in pieces:
            clock.now += step
            stream.feed(piece)


def written(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def output_of(
    pieces: Iterable[str], size: tuple[int, int] = (80, 24), *, live: bool = True, step: float = 1.0
) -> str:
    """What a stream of these pieces writes."""
    console = console_of(*size)
    play(console, pieces, live=live, step=step)
    return written(console)


def screen_of(output: str, size: tuple[int, int] = (80, 24)) -> Terminal:
    screen = Terminal(*size)
    screen.show(output)
    return screen


def cut(text: str, length: int) -> list[str]:
    return [text[start : start + length] for start in range(0, len(text), length)]


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


@pytest.mark.parametrize("size", [(40, 5), (80, 24), (120, 60)])
def test_what_is_unfinished_never_takes_more_than_its_rows(size: tuple[int, int]) -> None:
    output = output_of(cut("word " * 2000, 50), size)
    tails = re.findall(r"\x1b\[\?7l(.*?)\x1b\[\?7h", output, re.DOTALL)
    heights = [tail.count("\n") + 1 for tail in tails]
    assert max(heights) == min(12, size[1] - 2)


def test_the_newest_words_of_a_long_paragraph_are_seen() -> None:
    console = console_of(80, 24)
    stream = MarkdownStream(console, live=True)
    stream.feed("".join(f"word{number} " for number in range(2000)))
    rows = screen_of(written(console)).rows
    assert rows[-1].endswith("word1999")
    assert len(rows) == 12


def test_frames_are_few_however_small_the_pieces() -> None:
    frames = output_of(map("{} ".format, range(1001)), step=0.001).count("\x1b[?2026h")
    # One more for the end.
    assert frames == FRAMES_PER_SECOND + 1


def test_a_frame_is_one_synchronized_update_that_ends_with_a_visible_cursor() -> None:
    output = output_of(cut(ARTICLE, 40))
    frames = re.split(r"(?=\x1b\[\?2026h)", output)[1:]
    assert frames
    assert all(frame.startswith("\x1b[?2026h\x1b[?25l") for frame in frames)
    assert all(frame.endswith("\x1b[?25h\x1b[?2026l") for frame in frames)


def test_a_file_gets_the_finished_rows_and_no_cursor_movement() -> None:
    output = output_of(cut(ARTICLE, 4), live=False)
    assert not re.sub(r"\x1b\[[0-9;]*m|\x1b\]8;[^\x1b]*\x1b\\", "", output).count("\x1b")


def test_code_copies_clean() -> None:
    code = "if True:\n\tlong = '" + "x" * 100 + "'\n\n    done = 1\n"
    output = output_of(cut(f"```python\n{code}```\n", 3), live=False)
    assert re.sub(r"\x1b\[[0-9;]*m", "", output) == f"── python\n{code}"


def test_a_restart_says_that_what_stands_above_is_void() -> None:
    console = console_of(80, 24)
    with MarkdownStream(console, live=True) as stream:
        stream.feed("Wrong answer.\n\nMore of i")
        stream.restart()
        stream.feed("[a]: /x\n\nRight answer.")
    assert screen_of(written(console)).rows == [
        "Wrong answer.",
        "",
        "── The reply begins anew; what stands of it above is void.",
        "",
        "Right answer.",
    ]


def test_a_restart_before_anything_is_final_leaves_no_trace() -> None:
    console = console_of(80, 24)
    with MarkdownStream(console, live=True) as stream:
        stream.feed("Wrong ans")
        stream.restart()
        stream.feed("Right answer.")
    assert screen_of(written(console)).rows == ["Right answer."]


def test_a_restart_in_a_fence_ends_the_fence() -> None:
    console = console_of(80, 24)
    with MarkdownStream(console, live=True) as stream:
        stream.feed("```python\nx = '''\n")
        stream.restart()
        stream.feed("*words*")
    assert screen_of(written(console)).rows[-1] == "words"


def test_an_error_keeps_what_was_shown() -> None:
    def pieces() -> Iterator[str]:
        yield "Done.\n\nHalf a sent"
        raise KeyboardInterrupt

    console = console_of(80, 24)
    with pytest.raises(KeyboardInterrupt):
        play(console, pieces())
    screen = screen_of(written(console))
    assert screen.rows == ["Done.", "", "Half a sent"]
    assert not screen.cursor.hidden
    assert screen.cursor.x == 0


class Interrupted(io.StringIO):
    """A terminal at which the third frame is interrupted in its middle."""

    frames = 0

    def write(self, text: str) -> int:
        self.frames += 1
        if self.frames == 3:
            super().write(text[: len(text) // 2])
            raise KeyboardInterrupt
        return super().write(text)


def test_an_interrupt_amid_a_frame_loses_nothing_and_shows_the_cursor() -> None:
    console = Console(file=Interrupted(), force_terminal=True, width=80, height=24)
    with pytest.raises(KeyboardInterrupt):
        play(console, ["One.\n\n", "Two.\n\n", "Three.\n\nFour"])
    screen = screen_of(written(console))
    assert {"One.", "Two.", "Three.", "Four"} <= set(screen.rows)
    assert not screen.cursor.hidden


class Gone(io.StringIO):
    """A terminal that was closed."""

    def write(self, _text: str) -> int:
        raise BrokenPipeError


def test_an_abort_does_not_mind_that_the_terminal_is_gone() -> None:
    stream = MarkdownStream(Console(file=Gone(), force_terminal=True), live=True)
    stream.abort()


def test_a_stream_that_ended_takes_no_more() -> None:
    stream = MarkdownStream(console_of(80, 24))
    stream.finish()
    with pytest.raises(ValueError, match="ended already"):
        stream.feed("more")


def test_an_empty_stream_shows_nothing() -> None:
    assert screen_of(output_of([])).rows == []


def resized(to: tuple[int, int], *, reflows: bool) -> str:
    """What is written after a paragraph of three rows of 80 columns met another size."""
    console = console_of(80, 24)
    stream = MarkdownStream(console, live=True, terminal_reflows=reflows)
    stream.feed("Final.\n\n" + "x" * 200)
    before = written(console)
    console.size = ConsoleDimensions(*to)
    stream.refresh()
    return written(console).removeprefix(before)


@pytest.mark.parametrize(
    ("width", "reflows", "rows"),
    [(120, True, 3), (80, True, 3), (50, True, 5), (50, False, 3)],
)
def test_a_resize_erases_the_rows_that_the_tail_takes_by_then(
    width: int, reflows: bool, rows: int
) -> None:
    output = resized((width, 30), reflows=reflows)
    # An empty row stands before the paragraph.
    assert output.count("\x1b[A") == (rows if output else 0)


def test_a_resize_does_not_print_final_rows_again() -> None:
    assert "Final." not in resized((60, 24), reflows=True)


def test_a_resize_without_a_change_of_width_writes_nothing() -> None:
    assert resized((80, 40), reflows=True) == ""


@pytest.mark.parametrize(
    ("environment", "does"),
    [
        ({"TERM": "xterm-256color"}, True),
        ({"TERM": "xterm-256color", "XTERM_VERSION": "XTerm(390)"}, False),
        ({"TERM": "screen", "STY": "1.pts-0"}, False),
        ({"TERM": "tmux-256color", "STY": "1.pts-0", "TMUX": "socket,1,0"}, True),
    ],
)
def test_which_terminals_reflow(environment: dict[str, str], *, does: bool) -> None:
    assert reflows(environment) is does


@pytest.mark.parametrize(
    ("environment", "does"),
    [
        ({"TERM": "xterm-256color"}, True),
        ({"TERM": "xterm-kitty"}, True),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "Apple_Terminal"}, False),
        ({"TERM": "xterm-256color", "TMUX": "socket,1,0"}, False),
        ({"TERM": "screen"}, False),
        ({"TERM": "linux"}, False),
        ({}, False),
    ],
)
def test_which_terminals_open_links(environment: dict[str, str], *, does: bool) -> None:
    assert opens_links(environment) is does
