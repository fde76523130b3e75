"""Text that a person gives to a command: where it comes from, and how it is kept until sent."""

from __future__ import annotations

import hashlib
import os
import secrets
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seedx_cli.config import write_private
from seedx_cli.errors import SeedXError, UsageError
from seedx_cli.terminal.prompts import write_text

if TYPE_CHECKING:
    from seedx_cli.context import Context


@dataclass(frozen=True)
class Source:
    """Where a text comes from: one of these, or the editor.

    Attributes:
        body: The text itself.
        file: A file's name, `-` for standard input.
        recover: The file that an earlier attempt left.
    """

    body: str | None = None
    file: str | None = None
    recover: Path | None = None

    def __post_init__(self) -> None:
        if sum(given is not None for given in (self.body, self.file, self.recover)) > 1:
            raise UsageError("Give the text only once: --body, --file or --recover")

    def read(self, context: Context, template: str) -> str:
        """Read the text, in the editor if no source is given.

        Args:
            context: The terminal and the settings.
            template: What the editor begins with.

        Raises:
            UsageError: There is no text, or it is empty.
            SeedXError: The file cannot be read.
        """
        if self.body is not None:
            text = self.body
        elif self.recover is not None:
            text = _read(self.recover)
        elif self.file == "-":
            text = decoded(context.io.read_input(), "Standard input")
        elif self.file is not None:
            text = _read(Path(self.file))
        else:
            editor = context.config.editor
            return write_text(context.io, template, "--body, --file or --file -", editor)
        if not text.strip():
            raise UsageError("The text is empty, so nothing was sent")
        if not _is_unicode(text):
            raise UsageError("The text is not in UTF-8")
        return text.strip("\r\n")


@dataclass(frozen=True)
class UnsentText:
    """A text that is being sent.

    Attributes:
        file: Where it is kept until it has been sent.
        key: An idempotency key, so that sending the same text again changes nothing.
    """

    file: Path
    key: str


@contextmanager
def keep_until_sent(
    context: Context, text: str, command: str, source: Source, *, then: str | None = None
) -> Iterator[UnsentText]:
    """Keep a text on disk until the block has sent it.

    The key comes from the file's name and the text, so that ``--recover`` with an unchanged text
    cannot open a second ticket if only the response was lost.

    Args:
        context: The terminal and the settings.
        text: The text.
        command: The command that sends it again, without ``--recover``.
        source: Where the text came from.
        then: What to do once it was sent: a line that ends with a command.

    Raises:
        UsageError: The text is not Unicode.
    """
    if not _is_unicode(text):
        raise UsageError("The text is not in UTF-8")
    directory = context.config.directory / "unsent"
    file = source.recover or _new_file(directory)
    is_kept = source.recover is not None or _write(file, text, context)
    digest = hashlib.sha256(f"{file.name}\n{text}".encode()).hexdigest()
    try:
        yield UnsentText(file, digest[:32])
    except BaseException as error:
        told = f"Your text is kept. Send it: {command} --recover {shlex.quote(str(file))}"
        if then is not None:
            told = f"{told}\n{then}"
        if not is_kept:
            told = "Your text could not be kept; copy it from above, or from where it came"
        if isinstance(error, SeedXError):
            error.hint = f"{error.hint}\n{told}" if error.hint else told
        else:
            context.io.warn(context.shared.add_to_commands(told))
        raise
    if file.parent == directory:
        file.unlink(missing_ok=True)


def _write(file: Path, text: str, context: Context) -> bool:
    """Keep a text on disk; return False, with a warning, if the folder cannot be written."""
    try:
        write_private(file, text + "\n")
    except OSError as error:
        context.io.warn(f"The text cannot be kept in {file.parent}: {error.strerror}")
        return False
    return True


def _new_file(directory: Path) -> Path:
    stamp = time.strftime("%Y%m%dT%H%M%S")
    return directory / f"{stamp}-{os.getpid()}-{secrets.token_hex(3)}.md"


def _read(file: Path) -> str:
    try:
        return decoded(file.read_bytes(), str(file))
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from error


def decoded(content: bytes, name: str) -> str:
    """Decode the text of a file or a pipe.

    Raises:
        UsageError: It is not in UTF-8.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{name} is not text in UTF-8") from error


def _is_unicode(text: str) -> bool:
    """Whether a text can be sent; an argument that is not in UTF-8 cannot."""
    return not any("\ud800" <= character <= "\udfff" for character in text)
