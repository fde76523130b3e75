"""Untrusted text can neither move the cursor, nor hide, nor pretend to be something else."""

from __future__ import annotations

import subprocess
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.control import Control
from rich.segment import Segment
from rich.style import Style

from seedx_cli.terminal.safe_text import (
    MARKS_PER_LETTER,
    SafeStream,
    link_target,
    safe,
    safe_line,
    safe_link,
    safe_segments,
)

ATTACKS = {
    "colour": ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
    "clear the screen": ("\x1b[2J\x1b[H", r"\x1b[2J\x1b[H"),
    "clipboard (OSC 52)": ("\x1b]52;c;cm0gLXJm\x07", r"\x1b]52;c;cm0gLXJm\x07"),
    "window title (OSC 0)": ("\x1b]0;owned\x1b\\", r"\x1b]0;owned\x1b" + "\\"),
    "hidden link (OSC 8)": ("\x1b]8;;http://evil\x1b\\x", r"\x1b]8;;http://evil\x1b" + "\\x"),
    "device control string": ("\x1bP$q m\x1b\\", r"\x1bP$q m\x1b" + "\\"),
    "report to the keyboard": ("\x1b[6n\x05", r"\x1b[6n\x05"),
    "one-byte CSI": ("\x9b31m", r"\x9b31m"),
    "one-byte OSC and ST": ("\x9d52;c;x\x9c", r"\x9d52;c;x\x9c"),
    "next line (C1)": ("a\x85b", r"a\x85b"),
    "overwrite a line": ("rm -rf /\recho hi  ", r"rm -rf /\recho hi  "),
    "carriage returns before a newline": ("a\r\r\nb", "a\\r\nb"),
    "overstrike": ("admin\b\b\b\b\b", r"admin\x08\x08\x08\x08\x08"),
    "bell": ("\a", r"\x07"),
    "form feed and vertical tab": ("a\fb\vc", r"a\x0cb\x0bc"),
    "delete": ("a\x7f", r"a\x7f"),
    "null": ("a\x00b", r"a\x00b"),
    "trojan source": ("a\u202e\u2066b\u2069", r"a\u202e\u2066b\u2069"),
    "direction marks": ("a\u200e\u200f\u061c", r"a\u200e\u200f\u061c"),
    "line separators": ("a\u2028b\u2029c", r"a\u2028b\u2029c"),
    "smuggled in tags": ("hi\U000e0041\U000e007f", r"hi\U000e0041\U000e007f"),
    "joiner outside emoji": ("ad\u200dmin", r"ad\u200dmin"),
    "joiner after the last emoji": ("👩\u200d", "👩" + r"\u200d"),
    "lone surrogates": ("\ud83d \ude00", r"\ud83d \ude00"),
    "interlinear annotation": ("\ufff9a\ufffab\ufffb", r"\ufff9a\ufffab\ufffb"),
}
HARMLESS = {
    "newline and tab": "a\n\tb",
    "letters of many scripts": "Grüße, Привет, שלום, سلام, สวัสดี, 日本語",
    "decomposed letters": "e\u0301 o\u0302\u0323",
    "family": "👩‍👩‍👧",
    "heart on fire": "❤️‍🔥",
    "skin tone": "👩🏽‍🚀",
    "keycap": "1️⃣",
    "Rich markup": "[/oops] [link=http://x]y[/link]",
}
# Attacks are rare in random text: mix what is special with anything else.
SPECIAL = (
    "\r\n\t\x00\x1b\x7f\x85\x9b\u200d\ufe0f\u0301\u20dd\u00ad\u202e\u2028"
    "\ud83d\ude00\U000e0041👩❤🔥a日"
)
texts = st.lists(
    st.sampled_from(SPECIAL) | st.characters() | st.characters(categories=["Cs", "Mn"])
)


def is_shown(character: str) -> bool:
    """Whether a character is no control, newline and tab apart."""
    return character in "\n\t" or unicodedata.category(character) not in {"Cc", "Cs", "Zl", "Zp"}


@pytest.mark.parametrize(("text", "shown"), ATTACKS.values(), ids=ATTACKS)
def test_an_attack_becomes_visible(text: str, shown: str) -> None:
    assert safe(text) == shown


@pytest.mark.parametrize("text", HARMLESS.values(), ids=HARMLESS)
def test_what_people_write_stays_as_it_is(text: str) -> None:
    assert safe(text) == text


def test_windows_lines_become_lines() -> None:
    assert safe("a\r\nb\r\n") == "a\nb\n"


def test_a_pair_of_surrogates_becomes_its_character() -> None:
    assert safe("\ud83d\ude00") == "😀"


def test_a_pile_of_marks_is_cut() -> None:
    assert safe("Z" + "\u0301" * 50 + "algo") == "Z" + "\u0301" * MARKS_PER_LETTER + "algo"


@pytest.mark.parametrize("invisible", ["\u00ad", "\u200c", "\ufeff"])
def test_an_invisible_character_does_not_start_a_new_pile(invisible: str) -> None:
    marks = "\u0301" * MARKS_PER_LETTER
    assert safe(f"Z{marks}{invisible}{marks}") == f"Z{marks}{invisible}"


@given(texts)
def test_no_control_but_newline_and_tab_is_left(characters: list[str]) -> None:
    assert all(map(is_shown, safe("".join(characters))))


@given(texts)
def test_making_it_safe_again_changes_nothing(characters: list[str]) -> None:
    once = safe("".join(characters))
    assert safe(once) == once


@given(st.lists(texts.map("".join)))
def test_where_a_text_is_cut_makes_no_difference(pieces: list[str]) -> None:
    stream = SafeStream()
    streamed = "".join([*map(stream.feed, pieces), stream.finish()])
    assert streamed == safe("".join(pieces))


@given(st.lists(texts.map("".join)))
def test_a_stream_holds_back_two_characters_at_most(pieces: list[str]) -> None:
    stream = SafeStream()
    for piece in pieces:
        stream.feed(piece)
    # An escape takes at most six characters for one of these.
    assert len(stream.finish()) <= 2 * len(r"\u200d")


@given(texts)
def test_a_line_cannot_forge_a_row(characters: list[str]) -> None:
    line = safe_line("".join(characters))
    assert "\n" not in line
    assert "\t" not in line


def test_a_line_shows_where_it_was_broken() -> None:
    assert safe_line("#1\topen\n#2\tclosed") == "#1 open #2 closed"


@pytest.mark.parametrize(
    "url",
    ["https://example.com/a?b=c#d", "http://[::1]:8443/", "mailto:ann@example.com", "HTTPS://A.B"],
)
def test_a_plain_address_may_be_opened(url: str) -> None:
    assert safe_link(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "file:///etc/passwd",
        "ssh://host",
        "vscode://x",
        "https://",
        "mailto:",
        "https://[broken/",
        "https://a/\x1b\\b",
        "https://a/\u202eb",
        "https://a b",
        "/relative",
        "",
    ],
)
def test_no_other_address_may_be_opened(url: str) -> None:
    assert safe_link(url) is None


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://example.com/path", "example.com"),
        ("https://bank.example@evil.example:444/", "evil.example:444"),
        ("mailto:ann@example.com", "ann@example.com"),
    ],
)
def test_a_target_is_whom_the_address_really_leads_to(url: str, target: str) -> None:
    assert link_target(url) == target


def test_rendered_segments_are_made_safe_and_keep_their_style() -> None:
    bold = Style(bold=True)
    assert list(safe_segments([Segment("a\u202eb", bold)])) == [Segment(r"a\u202eb", bold)]


def test_the_renderers_own_controls_pass() -> None:
    home = Control.home().segment
    assert list(safe_segments([home])) == [home]


def test_a_segment_loses_a_link_that_is_not_plain() -> None:
    good, bad = Style(link="https://example.com"), Style(bold=True, link="javascript:x")
    linked, unlinked = safe_segments([Segment("a", good), Segment("b", bad)])
    assert linked.style is not None
    assert linked.style.link == "https://example.com"
    assert unlinked.style is not None
    assert unlinked.style.link is None
    assert unlinked.style.bold


def test_it_loads_nothing_but_the_standard_library() -> None:
    code = (
        "import sys, seedx_cli.terminal.safe_text\n"
        "print('rich' in sys.modules, 'urllib' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
