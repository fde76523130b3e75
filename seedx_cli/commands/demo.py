"""The main job in one command: a server, two people, a ticket and a streamed AI reply."""

from __future__ import annotations

import contextlib
import os
import secrets
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from seedx_cli.context import Context
from seedx_cli.errors import SeedXError
from seedx_cli.local.server import PROGRAM, free_port, importable, near, own_name, running
from seedx_cli.parsing.command import Command, command_app, context_of

app = command_app()

_TITLE = "Backups"
_BODY = "How do I make a backup of our desk?"
_AI_SETTINGS = ("GROK_", "GROQ_", "SEEDX_AI_")


@dataclass(frozen=True)
class DemoOptions:
    """Whether the data outlives the demonstration."""

    keep: bool = False


@dataclass(frozen=True)
class Stage:
    """Where the demonstration plays.

    Attributes:
        environment: What its commands see: the server, a configuration folder of their own.
        context: The terminal it is told on.
        passwords: What the made-up people sign in with; made anew each time.
    """

    environment: Mapping[str, str]
    context: Context
    passwords: dict[str, str] = field(default_factory=dict)

    def tell(self, text: str) -> None:
        """Say what comes next."""
        if not self.context.io.json:
            io = self.context.io
            io.line(f"\n{io.style(text, 'bold', 'magenta')}")
            io.stdout.flush()

    def run(self, *words: str, stdin: str | None = None, hidden: bool = False) -> str:
        """Run a command just as a person would, and show it."""
        io = self.context.io
        if not io.json:
            secret_in = "… | " if stdin is not None else ""
            io.line(io.style(f"$ {secret_in}seedx {shlex.join(words)}", "dim"))
            io.stdout.flush()
        quiet = hidden or io.json
        done = subprocess.run(  # noqa: S603  # this program itself
            [*PROGRAM, *words],
            env=self.environment,
            input=stdin,
            stdout=subprocess.PIPE if quiet else None,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise SeedXError(f"`seedx {words[0]}` ended with {done.returncode}")
        return done.stdout or ""

    def sign_up(self, name: str, email: str, profile: str) -> None:
        """Make an account under a profile of its own."""
        password = secrets.token_urlsafe(16)
        self.run(
            "signup", "--name", name, "--email", email, "--password-stdin", "--profile", profile,
            "--quiet", stdin=password,
        )  # fmt: skip


def run_demo(options: DemoOptions, context: Context) -> None:
    """Play the main job through, then stop everything."""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(_temporary_folder())
        port = free_port()
        environment = _environment(folder, port, keep=options.keep)
        stage = Stage(environment, context)
        stage.tell("1. A server of your own, with its database")
        if not context.io.json:
            context.io.line(context.io.style(f"$ seedx serve --port {port}", "dim"))
            context.io.stdout.flush()
        stack.enter_context(running(folder, environment, port))
        _play(stage)
        if not context.io.json:
            stage.tell("That is SeedX. The demonstration stops its server now.")
            context.io.note(_what_next(environment, keep=options.keep))


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
    """Watch the whole product work, on this machine.

    Starts a server with its database, makes two accounts, loads the handbook, opens a ticket,
    streams the AI's reply and shows what was kept. Then nothing is left running. With GROK_API_KEY
    the reply comes from Groq, without it from the handbook itself.
    """
    run_demo(DemoOptions(keep), context_of(typer_context))


def _play(stage: Stage) -> None:
    mark = secrets.token_hex(3)
    staff, customer = f"kim-{mark}@example.com", f"ada-{mark}@example.com"
    stage.tell("2. Somebody who runs the desk, made admin on the server's own machine")
    stage.sign_up("Kim", staff, "staff")
    stage.run("user", "role", staff, "admin", "--local", "--profile", "staff")
    stage.tell("3. The knowledge base that the AI answers from")
    from seedx_cli.local.entry import handbook

    stage.run("kb", "import", near(handbook()), "--quiet", "--profile", "staff", hidden=True)
    stage.tell("4. A customer with a question")
    stage.sign_up("Ada", customer, "customer")
    opened = stage.run(
        "ticket", "new", "-t", _TITLE, "-b", _BODY, "--profile", "customer", hidden=True
    )
    number = opened.split()[0] if not stage.context.io.json else opened.strip()
    stage.tell("5. The AI's reply, as it is written")
    stage.run("ai", number, "--profile", "customer")
    if not (stage.context.io.is_terminal or stage.context.io.json):
        # The raw text of a reply seldom ends its last line.
        stage.context.io.line()
    stage.tell("6. What PostgreSQL kept")
    shown = stage.run("ticket", "show", number, "--profile", "customer", *_json(stage.context))
    if stage.context.io.json:
        stage.context.io.stdout.write(shown)


def _json(context: Context) -> Sequence[str]:
    return ["--json"] if context.io.json else []


def _environment(folder: Path, port: int, *, keep: bool) -> dict[str, str]:
    """What the demonstration's processes see; nothing of it touches the user's own things."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name
        not in {"DATABASE_URL", "JWT_SECRET", "SEEDX_TOKEN", "SEEDX_PROFILE", "SEEDX_API_PREFIX"}
    }
    environment |= {name: value for name, value in _dotenv().items() if name not in environment}
    environment["SEEDX_CONFIG_DIR"] = str(folder / "config")
    environment["SEEDX_URL"] = f"http://127.0.0.1:{port}"
    environment["SEEDX_PAGER"] = "cat"
    # A made-up person's token has no place in the user's keyring.
    environment["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"
    if not keep:
        environment["SEEDX_DATA_DIR"] = str(folder / "data")
    return importable(environment)


def _dotenv() -> dict[str, str]:
    """The AI's settings from `.env`, and only those."""
    from dotenv import dotenv_values

    values = dotenv_values(".env")
    return {
        name: value for name, value in values.items() if value and name.startswith(_AI_SETTINGS)
    }


@contextlib.contextmanager
def _temporary_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="seedx-demo-"))
    # Started by root, the database runs as another user, who must be able to reach its data.
    if os.geteuid() == 0:
        folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _what_next(environment: Mapping[str, str], *, keep: bool) -> str:
    seedx = own_name()
    if keep:
        where = environment.get("SEEDX_DATA_DIR", "the usual folder")
        return f"Its data stays in {where}. Run it again: {seedx} serve"
    return f"Now for real: {seedx} serve   and in another terminal: {seedx} signup"
