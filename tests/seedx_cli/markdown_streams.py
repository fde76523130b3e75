"""Streams of Markdown as tests play them, and the terminal that shows what they wrote."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterable

import pyte
from rich.console import Console

from seedx_cli.markdown.stream import MarkdownStream

ARTICLE = """\
# Why the build failed 🚀

Hello **Ann**, the log says `ENOSPC`; see [the guide](https://docs.example.com/disk) and
<https://status.example.com>. 日本語のテキストも、絵文字👩‍👩‍👧も正しく折り返されます。

1. Find what takes space:
   - old images
     - dangling ones
   - logs

2. Remove it

   ```bash
   docker system prune -af --volumes   # removes everything that nobody uses any more, so ask first
   ```
3. Build again

> **Note**: pruning removes *stopped* containers too.
>
> > Quoted twice.

~~~python
def free(path: str) -> int:
    \"\"\"Free space.

    In bytes.\"\"\"
    return shutil.disk_usage(path).free
~~~

| Disk | Size | Used by |
|------|-----:|:-------:|
| sda  | 20G  | `docker` |
| sdb  | 1.5T | backups, 写真 and quite a lot of other things that people keep |

***

Underlined
----------

    indented

    code

[named]: https://example.com/named
    "with a title"

![A chart](https://img.example.com/a.png), ~~gone~~, [named], last words
"""


class Terminal(pyte.HistoryScreen):
    """A terminal that keeps what scrolls off its top."""

    def __init__(self, width: int, height: int) -> None:
        super().__init__(width, height, history=100_000, ratio=0.5)
        self._input = pyte.Stream(self)

    def draw(self, data: str) -> None:
        # pyte drops what follows a joiner within one piece.
        for character in data:
            super().draw(character)

    def show(self, text: str) -> None:
        self._input.feed(text.replace("\n", "\r\n"))

    @property
    def rows(self) -> list[str]:
        """Every row since the start, top down, without blanks at the ends."""
        width = range(self.columns)
        passed = ["".join(row[x].data for x in width) for row in self.history.top]
        rows = [row.rstrip() for row in (*passed, *self.display)]
        return list(itertools.dropwhile(lambda row: not row, rows[::-1]))[::-1]


class Clock:
    """Time that passes when it is told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def console_of(width: int, height: int) -> Console:
    return Console(
        file=io.StringIO(), force_terminal=True, width=width, height=height, color_system="256"
    )


def play(console: Console, pieces: Iterable[str], *, live: bool = True, step: float = 1.0) -> None:
    """Stream pieces; each has its own frame unless less time passes between them."""
    clock = Clock()
    with MarkdownStream(console, live=live, hyperlinks=True, clock=clock) as stream:
        for piece in pieces:
            clock.now += step
            stream.feed(piece)


def written(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def output_of(
    pieces: Iterable[str], size: tuple[int, int] = (80, 24), *, live: bool = True, step: float = 1.0
) -> str:
    """What a stream of these pieces writes."""
    console = console_of(*size)
    play(console, pieces, live=live, step=step)
    return written(console)


def screen_of(output: str, size: tuple[int, int] = (80, 24)) -> Terminal:
    screen = Terminal(*size)
    screen.show(output)
    return screen


def cut(text: str, length: int) -> list[str]:
    return [text[start : start + length] for start in range(0, len(text), length)]
