"""The runs that this process works on, in memory: local readers get their text at once."""

import asyncio
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field

from seedx_server.ai.answer.prompts import estimate_tokens
from seedx_server.ai.leases import Flush, Lease


@dataclass(slots=True)
class LiveRun:
    """A run's text so far, and how much of it is in the database.

    Attributes:
        lease: The right to write to the run.
        edition: How often the text was started; it rises when the text is discarded.
        written_edition: The edition of the text in the database.
        on_change: Called after each change of the text.
        answered_message_id: The id of the message that the text answers; None for the ticket's
            description, or without a ticket.
        tokens: Roughly how many tokens the run has used, discarded text included.
        length: The length of the text, in characters.
        written: How many of these characters are in the database.
        finishing: Whether the run's end is being written; flushes then leave its text out.
        cancelled: Whether somebody cancelled the run.
        task: The task that works on the run.
    """

    lease: Lease
    edition: int
    written_edition: int
    on_change: Callable[["LiveRun"], None]
    answered_message_id: int | None = None
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
        """Add to the tokens that the run has used."""
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
        """Return the text from an offset on, in characters."""
        if offset >= self.length:
            return ""
        first = bisect_right(self._starts, offset) - 1
        head = self._pieces[first][offset - self._starts[first] :]
        return head + "".join(self._pieces[first + 1 :])

    def flush(self) -> Flush:
        """Return the unwritten changes; once the run is finishing, only the lease is extended."""
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
        """Return the whole text, to be written with the end of the run."""
        return Flush(self.lease, self.edition, True, 0, self.text, self.tokens)

    def wrote(self, flush: Flush) -> None:
        """Record that `flush` is now in the database."""
        if flush.edition == self.edition:
            self.written_edition = flush.edition
            self.written = flush.offset + len(flush.text)


class LiveRuns(dict[int, LiveRun]):
    """The runs of this process, by id."""
