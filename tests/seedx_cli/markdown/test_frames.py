"""Frames of a live stream: few, small, whole; and the terminal is left as it was."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import pytest
from rich.console import Console, ConsoleDimensions

from seedx_cli.markdown.stream import FRAMES_PER_SECOND, MarkdownStream
from tests.seedx_cli.markdown_streams import (
    ARTICLE,
    console_of,
    cut,
    output_of,
    play,
    screen_of,
    written,
)


@pytest.mark.parametrize("size", [(40, 5), (80, 24), (120, 60)])
def test_what_is_unfinished_never_takes_more_than_its_rows(size: tuple[int, int]) -> None:
    output = output_of(cut("word " * 2000, 50), size)
    tails = re.findall(r"\x1b\[\?7l(.*?)\x1b\[\?7h", output, re.DOTALL)
    heights = [tail.count("\n") + 1 for tail in tails]
    assert max(heights) == min(12, size[1] - 2)


def test_the_newest_words_of_a_long_paragraph_are_seen() -> None:
    console = console_of(80, 24)
    stream = MarkdownStream(console, live=True, hyperlinks=True)
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


def test_a_restart_says_that_the_text_above_is_discarded() -> None:
    console = console_of(80, 24)
    with MarkdownStream(console, live=True, hyperlinks=True) as stream:
        stream.feed("Wrong answer.\n\nMore of i")
        stream.restart()
        stream.feed("[a]: /x\n\nRight answer.")
    assert screen_of(written(console)).rows == [
        "Wrong answer.",
        "",
        "── The reply was restarted; the text above is discarded.",
        "",
        "Right answer.",
    ]


def test_a_restart_before_anything_is_final_leaves_no_trace() -> None:
    console = console_of(80, 24)
    with MarkdownStream(console, live=True, hyperlinks=True) as stream:
        stream.feed("Wrong ans")
        stream.restart()
        stream.feed("Right answer.")
    assert screen_of(written(console)).rows == ["Right answer."]


def test_a_restart_in_a_fence_ends_the_fence() -> None:
    console = console_of(80, 24)
    with MarkdownStream(console, live=True, hyperlinks=True) as stream:
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
    stream = MarkdownStream(Console(file=Gone(), force_terminal=True), live=True, hyperlinks=True)
    stream.abort()


def test_a_stream_that_ended_takes_no_more() -> None:
    stream = MarkdownStream(console_of(80, 24), live=True, hyperlinks=True)
    stream.finish()
    with pytest.raises(ValueError, match="ended already"):
        stream.feed("more")


def test_an_empty_stream_shows_nothing() -> None:
    assert screen_of(output_of([])).rows == []


def resized(to: tuple[int, int], *, reflows: bool) -> str:
    """What is written after a paragraph of three rows of 80 columns met another size."""
    console = console_of(80, 24)
    stream = MarkdownStream(console, live=True, hyperlinks=True, reflows=reflows)
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
