"""A pipe never gets a text that is glued together from two beginnings."""

import io
from collections.abc import Iterator
from types import SimpleNamespace
from typing import cast

import pytest

from seedx_cli.context import Context
from seedx_cli.sse import Event
from seedx_cli.streaming import TornOutput, follow
from seedx_cli.terminal import Terminal


def events(*texts: str | None) -> Iterator[Event]:
    """A run's events; None begins the text anew."""
    yield Event("run", None, {"run_id": 1, "purpose": "reply"})
    for text in texts:
        if text is None:
            yield Event("restarted", "1.0", {"run_id": 1})
        else:
            yield Event("message", "1.1", {"content": text})
    yield Event("done", "1.9", {"run_id": 1, "message_id": 2, "citations": []})


def piped(*texts: str | None) -> str:
    """Follow a run into a pipe and return what came out of it."""
    out = io.StringIO()
    terminal = Terminal(io.StringIO(), out, io.StringIO(), environment={})
    try:
        follow(events(*texts), cast("Context", SimpleNamespace(io=terminal)), go_on="seedx ai 1")
    except TornOutput as torn:
        torn.add_note(out.getvalue())
        raise
    return out.getvalue()


def test_a_text_that_begins_anew_and_repeats_itself_is_written_once() -> None:
    assert piped("Sign ", "out.", None, "Si", "gn out. Then ", "in.") == "Sign out. Then in."


def test_a_text_that_begins_anew_before_its_first_word_is_whole() -> None:
    assert piped(None, "Sign out.") == "Sign out."


def test_a_text_that_begins_anew_with_other_words_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(TornOutput) as torn:
        piped("Sign out", None, "Pull the plug.")

    assert torn.value.__notes__ == ["Sign out"]
    assert "seedx ai 1" in str(torn.value.hint)


def test_a_text_that_begins_anew_and_ends_sooner_is_an_error() -> None:
    with pytest.raises(TornOutput):
        piped("Sign out. Then in.", None, "Sign out.")
