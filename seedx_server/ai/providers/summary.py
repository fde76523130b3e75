"""Summarises without a model: quotes the ticket's sentences, sorted by what they say."""

import re
from collections.abc import Iterator, Sequence

from seedx_server.ai.providers.protocol import Turn
from seedx_server.infrastructure.text import in_one_line

LONGEST_SENTENCE = 240
MOST_SENTENCES = 5

OPENING = "Put together from the ticket's own words, without an AI model."
NOTHING = "- Nothing that the messages say outright."

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[\u3002\uff01\uff1f])|\n+")
_TRIED = re.compile(
    r"\b(?:tried|attempted|restarted|rebooted|re-?installed|updated|upgraded|downgraded|cleared"
    r"|checked|changed|reset|signed out|logged out|signed in|logged in|disabled|enabled|removed"
    r"|deleted|switched|replaced|re-?connected|ran|followed)\b",
    re.IGNORECASE,
)
_SIDES = {"customer": "The customer", "staff": "Staff", "ai": "The AI"}


def summarise(turns: Sequence[Turn]) -> str:
    """Return a summary of a ticket: state, what was tried, open questions and next step.

    Args:
        turns: The description and the messages, oldest first.
    """
    parts = {
        "State": _state(turns),
        "What was tried": _matching_sentences(turns, _TRIED),
        "Open questions": _matching_sentences(
            _messages_since_last_reply(turns), re.compile(r"[?\uff1f]\W*\Z")
        ),
        "Next step": [_next_step(turns)],
    }
    return "\n\n".join(
        [OPENING]
        + [f"**{heading}**\n\n" + "\n".join(lines or [NOTHING]) for heading, lines in parts.items()]
    )


def _state(turns: Sequence[Turn]) -> list[str]:
    public = [turn for turn in turns if not turn.internal]
    lines = [f"- {_quoted(turn, _opening_words(turn))}" for turn in public[:1]]
    if len(public) > 1:
        lines.append(f"- Newest: {_quoted(public[-1], _opening_words(public[-1]))}")
    notes = len(turns) - len(public)
    counted = f"- {len(public)} message{'s' if len(public) != 1 else ''}"
    return [*lines, counted + (f", {notes} internal" if notes else "")]


def _matching_sentences(turns: Sequence[Turn], pattern: re.Pattern[str]) -> list[str]:
    """Quote the newest sentences that match the pattern."""
    found = [
        f"- {_quoted(turn, sentence)}"
        for turn in turns
        for sentence in _sentences(turn)
        if pattern.search(sentence)
    ]
    return list(dict.fromkeys(found))[-MOST_SENTENCES:]


def _messages_since_last_reply(turns: Sequence[Turn]) -> list[Turn]:
    """Return the public messages at the end that are all from one side."""
    last: list[Turn] = []
    for turn in reversed([turn for turn in turns if not turn.internal]):
        if last and (turn.author == "customer") != (last[0].author == "customer"):
            break
        last.insert(0, turn)
    return last


def _next_step(turns: Sequence[Turn]) -> str:
    last = _messages_since_last_reply(turns)
    if not last or last[-1].author == "customer":
        return "- Staff: answer the customer's newest message."
    return f"- The customer: reply. {_SIDES[last[-1].author]} wrote last."


def _sentences(turn: Turn) -> Iterator[str]:
    for sentence in _SENTENCE_END.split(turn.content):
        if sentence.strip():
            yield sentence


def _opening_words(turn: Turn) -> str:
    return next(_sentences(turn), "")


def _quoted(turn: Turn, sentence: str) -> str:
    side = _SIDES[turn.author] + (", in a note" if turn.internal else "")
    return f"{side}: “{in_one_line(sentence, LONGEST_SENTENCE)}”"
