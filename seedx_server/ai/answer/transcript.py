"""A ticket's conversation as the prompts write it, and read back from them.

Untrusted text stands between two lines of tildes. The lines are longer than any run of tildes
inside, so that no text can end its own fence.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

SHORTEST_FENCE = 8
LONGEST_NAME = 80

Author = Literal["customer", "staff", "ai"]


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of the conversation.

    Attributes:
        author: Which side it is from.
        name: What the author is called.
        content: The Markdown as it was written.
        internal: Whether it is a note, which only staff may see.
    """

    author: Author
    name: str
    content: str
    internal: bool = False


@dataclass(frozen=True, slots=True)
class Conversation:
    """A ticket and what was said in it.

    Attributes:
        title: The ticket's title.
        description: What the customer opened it with.
        turns: The messages after it, oldest first.
    """

    title: str
    description: str
    turns: Sequence[Turn] = ()


def fence_for(texts: Iterable[str]) -> str:
    """Return a fence that none of the texts can close."""
    runs = (len(run) for text in texts for run in re.findall("~+", text))
    return "~" * max(SHORTEST_FENCE, max(runs, default=0) + 1)


def fenced(text: str, fence: str) -> str:
    """Return the text between two lines of the fence.

    Some servers read the marks of their own chat format, such as `<|im_start|>`, wherever
    they stand, so they are broken up.
    """
    return f"{fence}\n{text.replace('<|', '< |')}\n{fence}"


def in_one_line(text: str, longest: int) -> str:
    """Return the text without line breaks, shortened, for a line that is not fenced."""
    text = " ".join(text.split())
    return text if len(text) <= longest else text[: longest - 1] + "…"


def write_turn(number: int, turn: Turn, fence: str) -> str:
    """Return a message with the line that says whose it is."""
    note = ", internal note" if turn.internal else ""
    name = json.dumps(in_one_line(turn.name, LONGEST_NAME), ensure_ascii=False)
    return f"Message {number}, {turn.author}{note}, {name}:\n{fenced(turn.content, fence)}"


_HEADER = re.compile(r'Message \d+, (customer|staff|ai)(, internal note)?, (".*"):')
_FENCE = re.compile(rf"~{{{SHORTEST_FENCE},}}")


def read_turns(prompt: str) -> list[Turn]:
    """Return the messages that `write_turn` wrote into a prompt, oldest first."""
    return [turn for header, text in _blocks(prompt) if (turn := _turn(header, text))]


def _blocks(prompt: str) -> Iterator[tuple[str, str]]:
    """Yield each fenced text with the line before it."""
    header = ""
    lines = iter(prompt.split("\n"))
    for line in lines:
        if not _FENCE.fullmatch(line):
            header = line
            continue
        text: list[str] = []
        for inside in lines:
            if inside == line:
                break
            text.append(inside)
        yield header, "\n".join(text)


def _turn(header: str, text: str) -> Turn | None:
    found = _HEADER.fullmatch(header)
    if found is None:
        return None
    author: Author
    match found.group(1):
        case "staff":
            author = "staff"
        case "ai":
            author = "ai"
        case _:
            author = "customer"
    return Turn(author, str(json.loads(found.group(3))), text, internal=bool(found.group(2)))
