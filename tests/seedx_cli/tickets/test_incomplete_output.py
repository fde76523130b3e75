"""A pipe never gets one text made of two attempts, or remarks in the midst of a text."""

import io
import os

import pytest

from seedx_cli.terminal.terminal import Terminal
from seedx_cli.tickets.streaming import IncompleteOutputError, follow
from tests.seedx_cli.tickets.runs import context_on, events


def piped(*texts: str | None) -> str:
    """Follow a run into a pipe and return what came out of it."""
    out = io.StringIO()
    terminal = Terminal(io.StringIO(), out, io.StringIO(), environment={})
    try:
        follow(events(*texts), context_on(terminal), go_on="seedx ai 1")
    except IncompleteOutputError as incomplete:
        incomplete.add_note(out.getvalue())
        raise
    return out.getvalue()


def test_a_text_that_is_restarted_and_repeats_itself_is_written_once() -> None:
    assert piped("Sign ", "out.", None, "Si", "gn out. Then ", "in.") == "Sign out. Then in."


def test_a_text_that_is_restarted_before_its_first_word_is_whole() -> None:
    assert piped(None, "Sign out.") == "Sign out."


def test_a_text_that_is_restarted_with_other_words_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(IncompleteOutputError) as incomplete:
        piped("Sign out", None, "Pull the plug.")

    assert incomplete.value.__notes__ == ["Sign out"]
    assert "seedx ai 1" in str(incomplete.value.hint)


def test_a_text_that_is_restarted_and_ends_sooner_is_an_error() -> None:
    with pytest.raises(IncompleteOutputError):
        piped("Sign out. Then in.", None, "Sign out.")


def through(out: int, err: int, text: str, handoff: str) -> None:
    """Follow a run that a person takes over, with real files as stdout and stderr."""
    with os.fdopen(out, "w") as stdout, os.fdopen(err, "w") as stderr:
        terminal = Terminal(io.StringIO(), stdout, stderr, environment={})
        context = context_on(terminal)
        follow(events(text, handoff=handoff), context, go_on="seedx ai 1")


@pytest.mark.parametrize("text", ["Pull the plug.", "Pull the plug.\n"])
def test_what_is_told_after_a_text_on_one_screen_begins_a_line(text: str) -> None:
    reading, writing = os.pipe()
    through(writing, os.dup(writing), text, "missing_knowledge")
    with os.fdopen(reading) as screen:
        assert screen.read().splitlines() == [
            "Pull the plug.",
            "Handed to a person: the knowledge base does not answer this",
        ]


def test_what_is_told_apart_from_the_text_has_no_line_before_it() -> None:
    (reading, out), (told, err) = os.pipe(), os.pipe()
    through(out, err, "Pull the plug.", "a_new\x1b_reason")
    with os.fdopen(reading) as text, os.fdopen(told) as notes:
        assert text.read() == "Pull the plug."
        assert notes.read() == "Handed to a person: a_new\\x1b_reason\n"
