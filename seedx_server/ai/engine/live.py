"""The runs that this process works on, in memory: text reaches readers here at once."""

import asyncio
from bisect import bisect_right
from dataclasses import dataclass, field

from seedx_server.ai.repository import Flush, Lease


@dataclass(slots=True)
class LiveRun:
    """A run's text so far, and how much of it the database has.

    Attributes:
        lease: The right to write the run.
        edition: Which beginning of the text this is; it rises when the text becomes void.
        written_edition: The edition that the database has text of.
        finishing: Whether the run's end is being written; the writer then leaves its text be.
        cancelled: Whether somebody asked to stop.
    """

    lease: Lease
    edition: int
    written_edition: int
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

    def restart(self) -> None:
        """Make the text so far void."""
        self.edition += 1
        self.length = 0
        self.written = 0
        self._pieces.clear()
        self._starts.clear()

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
            return Flush(self.lease, self.written_edition, False, self.written, "")
        return self.rest()

    def rest(self) -> Flush:
        """Return all that the database does not have."""
        return Flush(
            lease=self.lease,
            edition=self.edition,
            voids=self.written_edition != self.edition,
            offset=self.written,
            text=self.text_from(self.written),
        )

    def wrote(self, flush: Flush) -> None:
        """Take note that the database has what `flush` held."""
        if flush.edition == self.edition:
            self.written_edition = flush.edition
            self.written = flush.offset + len(flush.text)


class LiveRuns(dict[int, LiveRun]):
    """The runs of this process, by id."""
