"""The `seedx` command line: its groups, and the one place where errors become exit codes."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, MutableMapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer
from typer.core import TyperGroup

from seedx_cli.errors import DONE, INTERRUPTED, SeedXError, UsageError

if TYPE_CHECKING:
    # The classes that Typer passes to overridden methods have no public name.
    from types import FrameType

    from typer._click import Command as ClickCommand
    from typer._click import HelpFormatter
    from typer._click.core import Context as ClickContext


class Entry(NamedTuple):
    """Where a command lives, and its line in the help."""

    section: str
    module: str
    help: str


COMMANDS = {
    "demo": Entry("Start here", "demo", "Watch the whole product work, on this machine."),
    "help": Entry("Start here", "help", "Read about exit codes, the environment and JSON."),
    "signup": Entry("Account", "auth", "Make an account and sign in."),
    "login": Entry("Account", "auth", "Sign in to a server."),
    "logout": Entry("Account", "auth", "End the session."),
    "whoami": Entry("Account", "auth", "Show server, user, role and where the token is kept."),
    "ticket": Entry("Support", "ticket", "Open tickets, read them, answer them."),
    "ai": Entry("Support", "ai", "Stream the AI's reply to a ticket."),
    "kb": Entry("Support", "kb", "Read and fill the knowledge base."),
    "serve": Entry("Operate", "serve", "Run the server."),
    "user": Entry("Operate", "user", "List accounts and give roles."),
    "db": Entry("Operate", "db", "Migrate, back up and restore the database."),
    "config": Entry("Operate", "config", "Read and change settings."),
    "doctor": Entry("Operate", "doctor", "Find out what is wrong."),
}


class LazyCommands(MutableMapping[str, "ClickCommand"]):
    """The commands by name; a module is imported when its command is asked for."""

    def __init__(self) -> None:
        self._built: dict[str, ClickCommand] = {}

    def __getitem__(self, name: str) -> ClickCommand:
        if name not in self._built:
            module = import_module(f"seedx_cli.commands.{COMMANDS[name].module}")
            group = typer.main.get_group(module.app)
            group.name = name
            self._built[name] = group.commands.get(name, group)
        return self._built[name]

    def __setitem__(self, name: str, command: ClickCommand) -> None:
        self._built[name] = command

    def __delitem__(self, name: str) -> None:
        del self._built[name]

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


class RootGroup(TyperGroup):
    """The top of the command line; it knows its commands without importing them."""

    def __init__(self, **rest: Any) -> None:  # noqa: ANN401  # Typer's own arguments, passed on
        super().__init__(**rest)
        self.commands = LazyCommands()

    def parse_args(self, ctx: ClickContext, args: list[str]) -> list[str]:
        """Show the help where nothing else is asked for."""
        return super().parse_args(ctx, args or ["--help"])

    def list_commands(self, ctx: ClickContext) -> list[str]:  # noqa: ARG002  # the signature is Typer's
        """The names, in the order of the help."""
        return list(COMMANDS)

    def format_commands(self, ctx: ClickContext, formatter: HelpFormatter) -> None:  # noqa: ARG002
        """Write the commands in sections."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for name, entry in COMMANDS.items():
            sections.setdefault(entry.section, []).append((name, entry.help))
        for section, rows in sections.items():
            with formatter.section(section):
                formatter.write_dl(rows, col_spacing=4)


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
        signal.signal(number, _stop)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # a real stream has it
    try:
        code = _dispatch(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of the pipe has had enough. Nothing may be written at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except SeedXError as error:
        return _tell(error, arguments)
    except OSError as error:
        return _tell(SeedXError(str(error)), arguments)
    except Exception as error:  # noqa: BLE001  # the last resort: a bug must not show a traceback
        return _tell(_bug(error), arguments)
    return code


def _dispatch(arguments: Sequence[str]) -> int:
    command = typer.main.get_command(app)
    try:
        with command.make_context("seedx", [*arguments]) as context:
            command.invoke(context)
    except typer.Exit as end:
        return end.exit_code
    except typer.Abort:
        return INTERRUPTED
    except typer.TyperException as error:
        raise _usage(error) from error
    return DONE


def _usage(error: typer.TyperException) -> UsageError:
    """Turn the parser's error into one of ours, with the help that fits."""
    context: ClickContext | None = getattr(error, "ctx", None)
    path = context.command_path if context else "seedx"
    return UsageError(error.format_message(), hint=f"How it is used: {path} --help")


def _tell(error: SeedXError, arguments: Sequence[str]) -> int:
    from seedx_cli.terminal import Terminal

    if os.environ.get("SEEDX_DEBUG") == "1":
        import traceback

        traceback.print_exception(error)
    Terminal(sys.stdin, sys.stdout, sys.stderr, json="--json" in arguments).error(error)
    return error.exit_code


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
