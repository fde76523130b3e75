"""What people wrote, as the prompts hold it.

Untrusted text is between two lines of tildes. No run of tildes inside is as long as such a line,
so that no text can end its own fence.
"""

import json
import re

from seedx_server.ai.providers.protocol import Turn
from seedx_server.infrastructure.text import in_one_line

FENCE = "~" * 8
LONGEST_NAME = 80

_FENCE_INSIDE = re.compile(rf"{FENCE[1:]}(?=~)")


def fenced(text: str) -> str:
    """Return the text between two fences."""
    return f"{FENCE}\n{_FENCE_INSIDE.sub(f'{FENCE[1:]} ', _inert(text))}\n{FENCE}"


def unfenced(text: str, longest: int) -> str:
    """Return a short text for a line outside of the fences: without line breaks, shortened."""
    return _inert(in_one_line(text, longest))


def write_turn(number: int, turn: Turn) -> str:
    """Return a message with the line that says whose it is."""
    note = ", internal note" if turn.internal else ""
    name = json.dumps(unfenced(turn.name, LONGEST_NAME), ensure_ascii=False)
    return f"Message {number}, {turn.author}{note}, {name}:\n{fenced(turn.content)}"


def _inert(text: str) -> str:
    """Break up marks such as `<|im_start|>`, which some servers obey wherever they are."""
    return text.replace("<|", "< |")
