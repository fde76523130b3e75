"""seedx demo: a desk, two people, a ticket, and a reply that outlives its server.

Each command is run as a person would run it, in a process of its own, and shown. Only the reply is
read in this process, by the code of `seedx ai`, so that the server can be killed in mid-reply.
"""

from __future__ import annotations

import contextlib
import io
import math
import os
import secrets
import shlex
import shutil
import subprocess
import tempfile
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seedx_cli.context import Context, Shared
from seedx_cli.errors import SeedXError
from seedx_cli.local.server import (
    PROGRAM,
    LocalServer,
    free_port,
    importable,
    path_from_here,
    program_name,
)
from seedx_cli.parsing.command import Command, command_app, context_of
from seedx_cli.terminal.terminal import Terminal
from seedx_cli.tickets.streaming import view_of

if TYPE_CHECKING:
    from seedx_cli.client.sse import Event

app = command_app()

_TITLE = "Backups"
_BODY = "How do I make a backup of our desk?"
_KILLED_AFTER = 200
"""Characters of the reply that are read before its server is killed."""

_AI_SETTINGS = ("GROK_", "GROQ_", "SEEDX_AI_")
_OTHER_SETTINGS = ("SEEDX_", "JWT_", "DATABASE_URL", "ALLOWED_ORIGINS", "EXPIRE_MINUTES")
_PACE = {
    # Slow enough to read, and to kill the server in mid-reply.
    "SEEDX_AI_WORDS_PER_SECOND": "25",
    # How long the restarted server waits before it takes over the reply.
    "SEEDX_AI_LEASE_SECONDS": "2",
}


@dataclass(frozen=True)
class DemoOptions:
    """Whether to keep the data after the demonstration."""

    keep: bool = False


@dataclass(frozen=True)
class Person:
    """Somebody in the demonstration, who has a profile of their own.

    Attributes:
        name: Their name.
        mark: Part of their address that is new for each demonstration whose data is kept.
    """

    name: str
    mark: str = ""

    @property
    def email(self) -> str:
        """The address that they sign in with."""
        return f"{self.profile}{self.mark}@example.com"

    @property
    def profile(self) -> str:
        """The profile that keeps their session; also the prompt before their commands."""
        return self.name.lower()


@dataclass(frozen=True)
class Stage:
    """Where the demonstration takes place.

    Attributes:
        environment: The environment of its commands: the server and their configuration folder.
        context: The terminal that shows it.
    """

    environment: Mapping[str, str]
    context: Context

    def head(self, text: str) -> None:
        """Say what comes next."""
        self._show("")
        self._show(text, "bold", "magenta")

    def tell(self, text: str) -> None:
        """Say what happened."""
        self._show(text, "magenta")

    def show_command(
        self, line: str, prompt: str = "$", *, styles: Sequence[str] = ("dim",)
    ) -> None:
        """Show a command line as a shell would."""
        self._show(f"{prompt} {line}", *styles)

    def run(self, person: Person, *words: str, stdin: str | None = None, show: bool = True) -> str:
        """Run a command as a person, and return its output if that is not shown.

        Args:
            person: Whose session it uses.
            words: The words after `seedx`.
            stdin: Text to pipe into it; a password, so it is not shown.
            show: Whether its output goes to the terminal.

        Raises:
            SeedXError: It failed.
        """
        piped = "… | " if stdin is not None else ""
        self.show_command(f"{piped}seedx {shlex.join(words)}", f"{person.profile} $")
        captured = self.context.io.json or not show
        done = subprocess.run(  # noqa: S603  # this program itself
            [*PROGRAM, *words],
            env={**self.environment, "SEEDX_PROFILE": person.profile},
            input=stdin,
            stdout=subprocess.PIPE if captured else None,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise SeedXError(f"`seedx {words[0]}` ended with exit code {done.returncode}")
        return done.stdout or ""

    def sign_up(self, person: Person) -> None:
        """Create an account with a random password."""
        words = ("signup", "--name", person.name, "--email", person.email)
        self.run(person, *words, "--password-stdin", "--quiet", stdin=secrets.token_urlsafe(16))

    def context_of(self, person: Person) -> Context:
        """Return what a person's command works with in this process; silent with ``--json``."""
        terminal = self.context.io
        if terminal.json:
            terminal = Terminal(terminal.stdin, io.StringIO(), io.StringIO())
        return Context(Shared(profile=person.profile), self.environment, terminal)

    def _show(self, text: str, *styles: str) -> None:
        terminal = self.context.io
        if terminal.json:
            return
        lines = textwrap.wrap(text, terminal.width) if terminal.is_terminal else [text]
        for line in lines or [""]:
            terminal.line(terminal.style(line, *styles))
        terminal.stdout.flush()


@dataclass
class Reader:
    """Somebody who reads the AI's reply to a ticket, as `seedx ai` does.

    Attributes:
        ticket_id: The ticket.
        context: What the reader's command works with.
        text: The text received so far; emptied when the reply is restarted.
        run_id: The run that writes the reply, once it is known.
        last: The newest event; after the end of the reply it is `done` or `error`.
    """

    ticket_id: int
    context: Context
    text: str = ""
    run_id: int = 0
    last: Event | None = None

    @cached_property
    def _events(self) -> Iterator[Event]:
        """The one stream that is read from the first character to the last."""
        return self.context.api.ai.stream(self.ticket_id)

    @property
    def command(self) -> str:
        """The command that a person types to read this."""
        return f"seedx ai {self.ticket_id}"

    @property
    def has_ended(self) -> bool:
        """Whether the reply has ended."""
        return self.last is not None and self.last.event in {"done", "error"}

    def read(self, characters: float = math.inf) -> None:
        """Show the reply until this many characters of it have come, or to its end.

        Raises:
            SeedXError: The run failed.
        """
        view = view_of(self.context.io, self.command)
        try:
            while not self.has_ended and len(self.text) < characters:
                self.last = next(self._events)
                if self.last.event == "run":
                    self.run_id = int(str(self.last.data["run_id"]))
                elif self.last.event == "restarted":
                    self.text = ""
                    view.restart()
                elif self.last.text:
                    self.text += self.last.text
                    view.feed(self.last.text)
        except BaseException:
            view.abort()
            raise
        if self.last is not None and self.last.event == "done":
            view.finish()
            return
        view.abort()
        if self.last is not None and self.last.event == "error":
            raise SeedXError(str(self.last.data.get("detail")))

    def kept_text(self) -> str:
        """Return the text of the reply that the server kept."""
        return self.context.api.ai.run(self.run_id)["text"]


def run_demo(options: DemoOptions, context: Context) -> None:
    """Run the demonstration, then stop everything."""
    with _temporary_folder() as folder:
        port = free_port()
        stage = Stage(_environment(folder, port, keep=options.keep), context)
        # Kept data may hold the people of an earlier demonstration.
        mark = f"+{secrets.token_hex(3)}" if options.keep else ""
        staff, customer = Person("Kim", mark), Person("Ada", mark)
        stage.head("1. A server of your own, with its database")
        stage.show_command(f"seedx serve --port {port}")
        with LocalServer(folder, stage.environment, port) as server:
            _set_up_desk(stage, staff)
            ticket_id = _open_ticket(stage, customer)
            _read_reply(stage, customer, ticket_id, server)
            _show_ticket(stage, customer, ticket_id)
    stage.head("That is SeedX. The server is stopped, and nothing is left running.")
    if not context.io.json:
        context.io.note(_what_next(stage.environment, keep=options.keep))


@app.command(
    "demo",
    cls=Command,
    epilog="""
    seedx demo
    GROK_API_KEY=... seedx demo
    """,
)
def demo(
    typer_context: typer.Context,
    keep: Annotated[
        bool,
        typer.Option("--keep", help="Keep the data, in the folder that `seedx serve` uses."),
    ] = False,
) -> None:
    """Watch the whole product work on this machine.

    Starts a server with its database, creates two accounts, loads the handbook, opens a ticket and
    streams the AI's reply. In the middle of the reply the server is killed and started again, and
    the stream goes on. When it ends, nothing is left running. With GROK_API_KEY the reply comes
    from Groq; without it, from the handbook itself.
    """
    run_demo(DemoOptions(keep), context_of(typer_context))


def _set_up_desk(stage: Stage, staff: Person) -> None:
    stage.head("2. Kim runs the desk, and gives the AI a handbook to answer from")
    stage.sign_up(staff)
    stage.run(staff, "user", "role", staff.email, "admin", "--local")
    from seedx_cli.local.entry import handbook

    stage.run(staff, "kb", "import", path_from_here(handbook()), "--quiet", show=False)


def _open_ticket(stage: Stage, customer: Person) -> int:
    stage.head("3. Ada has a question")
    stage.sign_up(customer)
    opened = stage.run(customer, "ticket", "new", "-t", _TITLE, "-b", _BODY, show=False)
    return int(opened.split()[0])


def _read_reply(stage: Stage, customer: Person, ticket_id: int, server: LocalServer) -> None:
    """Stream the reply, kill the server in the middle of it, and compare the texts at the end.

    Raises:
        SeedXError: The text received is not the text that the server kept.
    """
    stage.head("4. The AI replies, and in the middle of it its server is killed")
    context = stage.context_of(customer)
    reader = Reader(ticket_id, context)
    with contextlib.closing(context):
        stage.show_command(reader.command, f"{customer.profile} $")
        reader.read(_KILLED_AFTER)
        if reader.has_ended:
            stage.tell("The reply was complete before its server could be killed.")
        else:
            read = len(reader.text)
            stage.tell("")
            stage.show_command(f"kill -9 {server.kill()}", styles=("bold", "red"))
            stage.tell(
                f"The server is dead, {read} characters into the reply. It starts again, writes "
                "the reply again, and Ada's stream goes on by itself:"
            )
            stage.tell("")
            server.start()
            reader.read()
        _compare(reader, stage)


def _compare(reader: Reader, stage: Stage) -> None:
    if not (stage.context.io.is_terminal or stage.context.io.json):
        # The raw text of a reply seldom ends its last line.
        stage.tell("")
    if reader.text != reader.kept_text():
        raise SeedXError("The text that was read is not the text that the server kept")
    stage.tell("")
    stage.tell(
        f"Compared with what the server kept: the same {len(reader.text):,} characters, none lost, "
        "none twice."
    )


def _show_ticket(stage: Stage, customer: Person, ticket_id: int) -> None:
    stage.head("5. What the database kept")
    as_json = ["--json"] if stage.context.io.json else []
    document = stage.run(customer, "ticket", "show", str(ticket_id), *as_json)
    if stage.context.io.json:
        stage.context.io.stdout.write(document)


def _environment(folder: Path, port: int, *, keep: bool) -> dict[str, str]:
    """Return the processes' environment; of the caller's SeedX settings it keeps the AI's only."""
    own = {name: value for name, value in os.environ.items() if not _is_other_setting(name)}
    environment = {
        **_dotenv(),
        **own,
        **_PACE,
        "SEEDX_CONFIG_DIR": str(folder / "config"),
        "SEEDX_URL": f"http://127.0.0.1:{port}",
        "SEEDX_PAGER": "cat",
        # The token of an invented person does not belong in the user's keyring.
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
    }
    if not keep:
        environment["SEEDX_DATA_DIR"] = str(folder / "data")
    elif "SEEDX_DATA_DIR" in os.environ:
        environment["SEEDX_DATA_DIR"] = os.environ["SEEDX_DATA_DIR"]
    return importable(environment)


def _is_other_setting(name: str) -> bool:
    return name.startswith(_OTHER_SETTINGS) and not name.startswith(_AI_SETTINGS)


def _dotenv() -> dict[str, str]:
    """Return the AI's settings from `.env`, and no others."""
    from dotenv import dotenv_values

    values = dotenv_values(".env")
    return {
        name: value for name, value in values.items() if value and name.startswith(_AI_SETTINGS)
    }


@contextlib.contextmanager
def _temporary_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="seedx-demo-"))
    # If root starts it, the database runs as another user, who must be able to reach its data.
    if os.geteuid() == 0:
        folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _what_next(environment: Mapping[str, str], *, keep: bool) -> str:
    seedx = program_name()
    if keep:
        where = environment.get("SEEDX_DATA_DIR", "the usual folder")
        return f"Its data stays in {where}. Run it again: {seedx} serve"
    return f"Now for real: {seedx} serve   and in another terminal: {seedx} signup"
