"""Writes conversations into prompts.

Untrusted text is put between two lines of tildes. Longer runs of tildes inside it are broken up,
so that no text can close its own fence.
"""

import json
import re

from seedx_server.ai.providers.protocol import Turn
from seedx_server.infrastructure.text import in_one_line

FENCE = "~" * 8
LONGEST_NAME = 80

_FENCE_INSIDE = re.compile(rf"{FENCE[1:]}(?=~)")


def fenced(text: str) -> str:
    """Return the text between two lines of tildes."""
    return f"{FENCE}\n{_FENCE_INSIDE.sub(f'{FENCE[1:]} ', _without_control_marks(text))}\n{FENCE}"


def unfenced(text: str, longest: int) -> str:
    """Return the text for a line outside the fences: without line breaks, and shortened."""
    return _without_control_marks(in_one_line(text, longest))


def write_turn(number: int, turn: Turn) -> str:
    """Return a message under a line that names its author."""
    note = ", internal note" if turn.internal else ""
    name = json.dumps(unfenced(turn.name, LONGEST_NAME), ensure_ascii=False)
    return f"Message {number}, {turn.author}{note}, {name}:\n{fenced(turn.content)}"


def _without_control_marks(text: str) -> str:
    """Break up marks such as `<|im_start|>`, which some servers obey wherever they are."""
    return text.replace("<|", "< |")
