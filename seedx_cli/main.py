"""The `seedx` command line: its groups, and the one place where errors become exit codes."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from seedx_cli.errors import DONE, INTERRUPTED, SeedXError, UsageError
from seedx_cli.parsing.lazy import Entry, LazyGroup

if TYPE_CHECKING:
    # The classes that Typer passes to overridden methods have no public name.
    from types import FrameType

    from typer._click.core import Command as ClickCommand
    from typer._click.core import Context as ClickContext


class RootGroup(LazyGroup):
    """The top of the command line."""

    entries = {  # noqa: RUF012  # the base class declares it a ClassVar
        "demo": Entry(
            "seedx_cli.commands.demo",
            "Watch the whole product work, on this machine.",
            "Start here",
        ),
        "help": Entry(
            "seedx_cli.commands.help",
            "Read about exit codes, the environment and JSON.",
            "Start here",
        ),
        "signup": Entry("seedx_cli.commands.auth", "Make an account and sign in.", "Account"),
        "login": Entry("seedx_cli.commands.auth", "Sign in to a server.", "Account"),
        "logout": Entry("seedx_cli.commands.auth", "End the session.", "Account"),
        "whoami": Entry(
            "seedx_cli.commands.auth",
            "Show server, user, role and where the token is kept.",
            "Account",
        ),
        "ticket": Entry(
            "seedx_cli.commands.ticket", "Open tickets, read them, answer them.", "Support"
        ),
        "ai": Entry("seedx_cli.commands.ai", "Stream the AI's reply to a ticket.", "Support"),
        "ask": Entry(
            "seedx_cli.commands.ask",
            "Ask the knowledge base and the AI, then open a ticket if that did not help.",
            "Support",
        ),
        "kb": Entry(
            "seedx_cli.commands.kb.commands", "Read and fill the knowledge base.", "Support"
        ),
        "serve": Entry("seedx_cli.commands.serve", "Run the server.", "Operate"),
        "user": Entry("seedx_cli.commands.user", "List accounts and give roles.", "Operate"),
        "db": Entry(
            "seedx_cli.commands.db", "Migrate, back up and restore the database.", "Operate"
        ),
        "config": Entry("seedx_cli.commands.config", "Read and change settings.", "Operate"),
        "doctor": Entry("seedx_cli.commands.doctor", "Find out what is wrong.", "Operate"),
    }


app = typer.Typer(
    cls=RootGroup,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["--help", "-h"]},
)


def _show_version(asked: bool) -> None:
    if asked:
        from seedx_cli.version import VERSION

        sys.stdout.write(f"seedx {VERSION}\n")
        raise typer.Exit


@app.callback()
def seedx(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """SeedX: a support desk that lives in the terminal."""


def run(arguments: Sequence[str]) -> int:
    """Run one command line.

    Args:
        arguments: The words after the program's name.

    Returns:
        The exit code; see ``seedx help exit-codes``.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        # What `nohup` ignores stays ignored.
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _stop)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # a real stream has it
    try:
        code = _dispatch(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of the pipe has had enough.
        _silence(sys.stdout)
        return DONE
    except SeedXError as error:
        return _tell(error, arguments)
    except OSError as error:
        return _tell(SeedXError(_of_the_system(error)), arguments)
    except Exception as error:  # noqa: BLE001  # the last resort: a bug must not show a traceback
        return _tell(_bug(error), arguments)
    return code


def _dispatch(arguments: Sequence[str]) -> int:
    command = typer.main.get_command(app)
    try:
        with command.make_context("seedx", [*arguments]) as context:
            _invoke(command, context)
    except typer.Exit as end:
        return end.exit_code
    except typer.Abort:
        return INTERRUPTED
    except typer.TyperException as error:
        raise _usage(error) from error
    return DONE


def _invoke(command: ClickCommand, context: ClickContext) -> None:
    try:
        command.invoke(context)
    except SeedXError as error:
        if error.hint:
            from seedx_cli.parsing.command import shared_of

            error.hint = shared_of(context.meta).completed(error.hint)
        raise


def _usage(error: typer.TyperException) -> UsageError:
    """Turn the parser's error into one of ours, with the help that fits."""
    context: ClickContext | None = getattr(error, "ctx", None)
    path = context.command_path if context else "seedx"
    return UsageError(error.format_message(), hint=f"How it is used: {path} --help")


def _tell(error: SeedXError, arguments: Sequence[str]) -> int:
    from seedx_cli.terminal.terminal import Terminal

    if os.environ.get("SEEDX_DEBUG") == "1":
        import traceback

        traceback.print_exception(error)
    try:
        Terminal(sys.stdin, sys.stdout, sys.stderr, json="--json" in arguments).error(error)
        sys.stdout.flush()
    except OSError:
        # Nobody can be told any more; the exit code says it.
        _silence(sys.stdout)
        _silence(sys.stderr)
    return error.exit_code


def _silence(stream: TextIO) -> None:
    """Let nothing that is still buffered be written when the process ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _of_the_system(error: OSError) -> str:
    """An error of the system without its number."""
    said = error.strerror or str(error)
    return f"{said}: {error.filename}" if error.filename else said


def _bug(error: Exception) -> SeedXError:
    said = f"{type(error).__name__}: {error}"
    bug = SeedXError(
        f"SeedX stumbled over something it did not expect. {said}",
        hint="SEEDX_DEBUG=1 in the environment shows where",
        code="unexpected",
    )
    bug.__cause__ = error
    return bug


def _stop(number: int, _frame: FrameType | None) -> None:
    """End as on an error, so that everything that must be tidied up is."""
    raise SystemExit(128 + number)
