"""How blocks of Markdown look on a terminal."""

from __future__ import annotations

import io

import pytest
from rich.cells import cell_len
from rich.color import Color
from rich.console import Console
from rich.style import Style

from seedx_cli.markdown import style as markdown_style
from seedx_cli.markdown.render import Renderer
from seedx_cli.markdown.stream import MarkdownStream

GUIDE = "https://docs.example.com/guide"


def rows_of(source: str, width: int = 80) -> list[str]:
    """The rows of a finished text, without styles."""
    console = Console(file=io.StringIO(), width=width, color_system=None)
    stream = MarkdownStream(console, live=False, hyperlinks=True)
    stream.feed(source)
    stream.finish()
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def styled(source: str, *, hyperlinks: bool = True) -> dict[str, Style]:
    """The text of each segment and its style."""
    renderer = Renderer(Console(width=80), hyperlinks=hyperlinks)
    return {
        segment.text: segment.style or Style()
        for row in renderer.rows(source, {}, width=80)
        for segment in row
    }


@pytest.mark.parametrize(
    ("source", "rows"),
    [
        ("two\nlines", ["two lines"]),
        ("hard  \nbreak", ["hard", "break"]),
        ("# Title\nwords", ["Title", "", "words"]),
        ("Title\n===\n\nSection\n---", ["Title", "", "Section"]),
        ("***", ["─" * 60]),
        ("> a\n>\n> > b", ["▌ a", "▌", "▌ ▌ b"]),
        ("    code\n\n      more", ["── code", "code", "", "  more"]),
        ("```sh\na\n\n b \n```\nend", ["── sh", "a", "", " b ", "", "end"]),
        ("  ```\n   a\n b\n  ```", ["── code", " a", "b"]),
        ("```\nnever closed", ["── code", "never closed"]),
        ("````\n```\n````", ["── code", "```"]),
        ("~~~\n```\n~~~", ["── code", "```"]),
        ("<b>kept</b>", ["<b>kept</b>"]),
        ("<!-- kept -->", ["<!-- kept -->"]),
        ("[/oops] :smile:", ["[/oops] :smile:"]),
        ("~~gone~~ **a** *b* `c`", ["gone a b c"]),
        ("- [ ] task", ["• [ ] task"]),
    ],
)
def test_blocks(source: str, rows: list[str]) -> None:
    assert rows_of(source) == rows


@pytest.mark.parametrize(
    ("source", "rows"),
    [
        ("- a\n- b", ["• a", "• b"]),
        ("- a\n\n- b", ["• a", "", "• b"]),
        ("- a\n  - b\n    - c\n- d", ["• a", "  • b", "    • c", "• d"]),
        ("1. a\n1. b\n1. c", ["1. a", "2. b", "3. c"]),
        ("9. a\n10. b", ["9. a", "10. b"]),
        ("1. a\n\n   more\n2. b", ["1. a", "", "   more", "", "2. b"]),
        ("1. a\n2) b", ["1. a", "", "2. b"]),
        ("- a\n\n1. b", ["• a", "", "1. b"]),
        ("-\n- b", ["•", "• b"]),
        ("- a\n  ```\n  x\n  ```\n- b", ["• a", "  ── code", "  x", "• b"]),
        ("1. a\n\nwords\n\n1. b", ["1. a", "", "words", "", "1. b"]),
    ],
)
def test_lists(source: str, rows: list[str]) -> None:
    assert rows_of(source) == rows


def test_a_list_item_wraps_below_its_text() -> None:
    assert rows_of("1. one two three four", 13) == ["1. one two", "   three four"]


TABLE = "| Name | Size |\n|:-----|-----:|\n| sda | 20G |\n| 写真 | 1.5T |\n"


def test_a_table_has_columns() -> None:
    assert rows_of(TABLE) == ["Name   Size", "───────────", "sda     20G", "写真   1.5T"]


def test_a_table_that_does_not_fit_has_a_row_for_each_value() -> None:
    assert rows_of(TABLE, 10) == ["Name: sda", "Size: 20G", "", "Name: 写真", "Size: 1.5T"]


def test_a_table_wraps_long_cells_before_it_gives_up_its_columns() -> None:
    rows = rows_of("| Disk | Used by |\n|---|---|\n| sda | " + "backups " * 10 + "|", 30)
    assert rows[0].split() == ["Disk", "Used", "by"]
    assert max(map(cell_len, rows)) <= 30


def test_a_table_with_no_rows_is_its_header() -> None:
    assert rows_of("| a | b |\n|---|---|\n\nend") == ["a   b", "─────", "", "end"]


@pytest.mark.parametrize(
    ("source", "row"),
    [
        (f"[the guide]({GUIDE})", "the guide (docs.example.com)"),
        (f"<{GUIDE}>", GUIDE),
        (f"[{GUIDE}]({GUIDE}/)", GUIDE),
        ("[docs.example.com](https://docs.example.com)", "docs.example.com"),
        ("[https://good.com](https://evil.com)", "https://good.com (evil.com)"),
        ("[good.com](https://good.com@evil.com/)", "good.com (evil.com)"),
        ("[write](mailto:ann@example.com)", "write (ann@example.com)"),
        ("[page](/docs)", "page (/docs)"),
        (f"![A chart]({GUIDE})", "image: A chart (docs.example.com)"),
        ("[x](javascript:alert)", "[x](javascript:alert)"),
        (f"[x]\n\n[x]: {GUIDE}", "[x]"),
        (f"[x]: {GUIDE}\n\n[x]", "x (docs.example.com)"),
    ],
)
def test_a_link_tells_where_it_leads(source: str, row: str) -> None:
    assert rows_of(source) == [row]


def test_a_link_opens_where_the_terminal_can_and_may() -> None:
    assert styled(f"[guide]({GUIDE})")["guide"].link == GUIDE
    assert styled("[page](/docs)")["page"].link is None
    assert styled("[x](ssh://host)")["x"].link is None


def test_a_terminal_without_links_shows_the_whole_address() -> None:
    segments = styled(f"[guide]({GUIDE})", hyperlinks=False)
    assert segments["guide"].link is None
    assert f" ({GUIDE})" in segments


@pytest.mark.parametrize(
    ("source", "rows"),
    [
        ("a &#x202e; b", [r"a \u202e b"]),
        ("a&#10;b&#13;c", [r"a b\rc"]),
        ("`\x1b[31m`", [r"\x1b[31m"]),
        ("```\x1b]0;x\x07\na\n```", [r"── \x1b]0;x\x07", "a"]),
        ("| a |\n|---|\n| &#x2066; |", ["a", "──────", r"\u2066"]),
        ("![&#x202e;](https://a.example)", [r"image: \u202e (a.example)"]),
        ("- \x9b2J", [r"• \x9b2J"]),
    ],
)
def test_untrusted_text_is_shown_and_does_nothing(source: str, rows: list[str]) -> None:
    assert rows_of(source) == rows


@pytest.mark.parametrize("width", [1, 3, 20, 200])
def test_any_width_will_do(width: int) -> None:
    text = "# Title\n\n> - 1. > words 日本語 👩‍👩‍👧\n\n" + TABLE + "\n```\ncode\n```\n"
    assert rows_of(text, width)


def test_deep_nesting_is_drawn() -> None:
    assert rows_of("> " * 40 + "deep", 20)[-1].endswith("deep")


def luminance(color: Color) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in color.get_truecolor().normalized
    ]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), parts, strict=True))


STYLES = {name: style for name, style in vars(markdown_style).items() if isinstance(style, Style)}


@pytest.mark.parametrize("style", STYLES.values(), ids=STYLES)
def test_a_colour_can_be_read_on_white_and_on_black(style: Style) -> None:
    if style.color is None:
        return
    light = luminance(style.color)
    assert 1.05 / (light + 0.05) >= 4
    assert (light + 0.05) / 0.05 >= 4


def test_no_color_keeps_bold_and_drops_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=80, color_system="256")
    stream = MarkdownStream(console, live=False, hyperlinks=True)
    stream.feed("# Title\n\n**bold** `code`")
    stream.finish()
    assert "\x1b[1" in file.getvalue()
    assert "38;5" not in file.getvalue()
