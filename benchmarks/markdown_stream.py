"""CPU time of rendering Markdown that arrives in pieces of four characters.

Run it with ``python -m benchmarks.markdown_stream``. The clock advances as if a fast model
wrote 400 pieces a second, so that a long text gets a realistic number of frames; nothing sleeps.
The goals come from the renderer's design: 200 KB cost at most 12 times what 20 KB cost and at most
15 s, and one block of 30 KB costs less than 5 s, whether its lines are short or it is one line.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator

from rich.console import Console

from seedx_cli.markdown.stream import MarkdownStream

PIECE = 4
PIECES_PER_SECOND = 400
KB = 1000

ARTICLE = """## Why the build of job {0} failed

The disk of runner `r{0}` is **full**: the log says *ENOSPC*, see [the guide](https://docs.example.com/disk).
Old images take most of it; a few words about what to keep follow, with an emoji 🚀 and 日本語.

1. Find what takes space, for instance with `du -sh`:
   - old images, which nobody has used for weeks
   - logs, which grow on busy machines
2. Remove what is not needed.
3. Build again.

```python
def free(path: str) -> int:
    \"\"\"Free space in bytes.\"\"\"
    usage = shutil.disk_usage(path)  # may be slow
    return usage.free if usage.total > {0} else 0
```

> Pruning removes stopped containers too.

| Disk | Size | Used by |
|------|-----:|---------|
| sda  | {0}G | images  |
| sdb  | 1.5T | backups |

"""
SENTENCE = "A **word** follows another, `code` comes too, and [a link](https://example.com/{0}). "


class Clock:
    """A clock that advances with each piece."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Seconds that have passed."""
        return self.now


def repeated(template: str, size: int) -> str:
    """Return a text of a given size in characters, made of numbered copies of a template."""
    count = size // len(template) + 1
    return "".join(template.replace("{0}", str(number)) for number in range(count))[:size]


def cpu_seconds(text: str) -> float:
    """Return the CPU seconds for streaming a whole text."""
    clock = Clock()
    console = Console(
        file=io.StringIO(), force_terminal=True, width=80, height=40, color_system="256"
    )
    began = time.process_time()
    with MarkdownStream(console, live=True, hyperlinks=True, clock=clock) as stream:
        for start in range(0, len(text), PIECE):
            clock.now += 1 / PIECES_PER_SECOND
            stream.feed(text[start : start + PIECE])
    return time.process_time() - began


def cases() -> Iterator[tuple[str, Callable[[], str], float]]:
    """Return the cases to measure: a name, the text, and the goal in seconds."""
    yield "article, 20 KB", lambda: repeated(ARTICLE, 20 * KB), 15.0
    yield "article, 200 KB", lambda: repeated(ARTICLE, 200 * KB), 15.0
    code = "    value_{0} = compute('x', {0})  # a comment\n"
    yield "one fence, 30 KB", lambda: "```python\n" + repeated(code, 30 * KB), 5.0
    line = repeated(SENTENCE, 30 * KB)
    yield "one paragraph of one line, 30 KB", lambda: line, 5.0
    yield "one paragraph of many lines, 30 KB", lambda: line.replace(". ", ".\n"), 5.0
    row = "| {0} | some words | `code` |\n"
    yield "one table, 30 KB", lambda: "|a|b|c|\n|-|-|-|\n" + repeated(row, 30 * KB), 5.0


def main() -> None:
    """Measure, print a table, and fail if a goal is missed."""
    measured: dict[str, float] = {}
    print(f"{'text':36} {'CPU s':>7} {'goal':>7}")
    for name, text, goal in cases():
        measured[name] = cpu_seconds(text())
        print(f"{name:36} {measured[name]:7.2f} {goal:7.1f}  {verdict(measured[name] <= goal)}")
    ratio = measured["article, 200 KB"] / measured["article, 20 KB"]
    print(f"{'200 KB to 20 KB':36} {ratio:6.1f}x {12:6.1f}x  {verdict(ratio <= 12)}")


def verdict(met: bool) -> str:
    """Return one word for whether a goal was met."""
    return "met" if met else "MISSED"


if __name__ == "__main__":
    main()
