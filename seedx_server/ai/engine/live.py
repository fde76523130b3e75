"""The runs that this process works on, in memory: text reaches readers here at once."""

import asyncio
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field

from seedx_server.ai.answer.prompts import estimate_tokens
from seedx_server.ai.leases import Flush, Lease


@dataclass(slots=True)
class LiveRun:
    """A run's text so far, and how much of it the database has.

    Attributes:
        lease: The right to write the run.
        edition: How often the text has started; it rises when the text is discarded.
        written_edition: The edition that the database has text of.
        on_change: Called after each change of the text.
        tokens: About how many tokens the run has cost, discarded text included.
        finishing: Whether the run's end is being written; the writer then leaves its text alone.
        cancelled: Whether somebody asked to stop.
    """

    lease: Lease
    edition: int
    written_edition: int
    on_change: Callable[["LiveRun"], None]
    tokens: int = 0
    length: int = 0
    written: int = 0
    finishing: bool = False
    cancelled: bool = False
    task: asyncio.Task[None] | None = None
    _pieces: list[str] = field(default_factory=list)
    _starts: list[int] = field(default_factory=list)

    def append(self, text: str) -> None:
        """Add text at the end."""
        self._starts.append(self.length)
        self._pieces.append(text)
        self.length += len(text)
        self.spend(estimate_tokens(text))

    def spend(self, tokens: int) -> None:
        """Add to what the run has cost."""
        self.tokens += tokens
        self.on_change(self)

    def restart(self) -> None:
        """Discard the text so far."""
        self.edition += 1
        self.length = 0
        self.written = 0
        self._pieces.clear()
        self._starts.clear()
        self.on_change(self)

    @property
    def text(self) -> str:
        """The text so far."""
        return "".join(self._pieces)

    def text_from(self, offset: int) -> str:
        """Return the text from an offset in characters on."""
        if offset >= self.length:
            return ""
        first = bisect_right(self._starts, offset) - 1
        head = self._pieces[first][offset - self._starts[first] :]
        return head + "".join(self._pieces[first + 1 :])

    def flush(self) -> Flush:
        """Return what the writer has to write now; only the lease once the end is near."""
        if self.finishing:
            return Flush(self.lease, self.written_edition, False, self.written, "", self.tokens)
        return Flush(
            lease=self.lease,
            edition=self.edition,
            discards=self.written_edition != self.edition,
            offset=self.written,
            text=self.text_from(self.written),
            tokens=self.tokens,
        )

    def last_flush(self) -> Flush:
        """Return the whole text, which the end of the run is written with."""
        return Flush(self.lease, self.edition, True, 0, self.text, self.tokens)

    def wrote(self, flush: Flush) -> None:
        """Take note that the database has what `flush` held."""
        if flush.edition == self.edition:
            self.written_edition = flush.edition
            self.written = flush.offset + len(flush.text)


class LiveRuns(dict[int, LiveRun]):
    """The runs of this process, by id."""
