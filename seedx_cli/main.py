"""The `seedx` command line: its commands, and the one place where errors become exit codes."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from seedx_cli.errors import DONE, INTERRUPTED, SeedXError, UsageError
from seedx_cli.parsing.command import command_group, shared_of

if TYPE_CHECKING:
    from types import FrameType

app = command_group(
    "seedx_cli.commands",
    "SeedX: a support desk that lives in the terminal.",
    {
        "Start here": {
            "demo": "Watch the whole product work on this machine.",
            "help": "Read about exit codes, the environment and JSON.",
        },
        "Account": {
            "signup": "Create an account and sign in.",
            "login": "Sign in to a server.",
            "logout": "Sign out.",
            "whoami": "Show the server, the user, the role and where the token is kept.",
        },
        "Support": {
            "ticket": "Open, read and answer tickets.",
            "ai": "Stream the AI's reply to a ticket.",
            "ask": "Ask the AI, then open a ticket if that did not help.",
            "kb": "Read, search and import articles.",
        },
        "Operate": {
            "serve": "Run the server.",
            "user": "List accounts and change their roles.",
            "db": "Migrate, back up and restore the database.",
            "config": "Read and change settings.",
            "doctor": "Find out what is wrong.",
            "completion": "Print a script that completes commands in your shell.",
        },
    },
)


def _show_version(asked: bool) -> None:
    if asked:
        from seedx_cli.version import VERSION

        sys.stdout.write(f"seedx {VERSION}\n")
        raise typer.Exit


def _install_completion(asked: bool) -> None:
    if asked:
        from seedx_cli.commands.completion import install

        sys.stderr.write(install(os.environ))
        raise typer.Exit


@app.callback(help="SeedX: a support desk that lives in the terminal.")
def seedx(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
    _completion: Annotated[
        bool,
        typer.Option(
            "--install-completion",
            callback=_install_completion,
            is_eager=True,
            help="Install completion for your shell.",
        ),
    ] = False,
) -> None:
    """Take the options that come before a command."""


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
    options: dict[str, object] = {}
    try:
        code = _dispatch(arguments, options)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of the pipe has closed it.
        _discard_output(sys.stdout)
        return DONE
    except SeedXError as error:
        return _report(error, options)
    except OSError as error:
        return _report(_system_error(error), options)
    except Exception as error:  # noqa: BLE001  # the last resort: a bug must not show a traceback
        return _report(_unexpected_error(error), options)
    return code


def _dispatch(arguments: Sequence[str], options: dict[str, object]) -> int:
    """Parse the command line, fill in the shared `options`, and run the command."""
    command = typer.main.get_command(app)
    try:
        with command.make_context("seedx", [*arguments]) as context:
            try:
                command.invoke(context)
            except SeedXError as error:
                # A command in a hint must use the same server and profile as this one.
                error.hint = error.hint and shared_of(context.meta).add_to_commands(error.hint)
                raise
            finally:
                options.update(shared_of(context.meta)._asdict())
    except typer.Exit as end:
        return end.exit_code
    except typer.Abort:
        return INTERRUPTED
    except typer.TyperException as error:
        options["json"] = _asks_for_json(arguments, error)
        raise _usage_error(error) from error
    return DONE


def _asks_for_json(arguments: Sequence[str], error: typer.TyperException) -> bool:
    """Whether `--json` is an option of a command line that was not parsed to its end."""
    context = getattr(error, "ctx", None)
    parameters = context.command.params if context else []
    with_value = {
        name
        for parameter in parameters
        if not getattr(parameter, "is_flag", True)
        for name in parameter.opts
    }
    words = iter(arguments)
    for word in words:
        if word == "--":
            break
        if word == "--json":
            return True
        if word in with_value:
            next(words, None)
    return False


def _usage_error(error: typer.TyperException) -> UsageError:
    """Turn the parser's error into one of ours, with the command that shows its help."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "seedx"
    return UsageError(error.format_message(), hint=f"See how to use it: {path} --help")


def _report(error: SeedXError, options: Mapping[str, object]) -> int:
    """Tell the person about an error and return its exit code."""
    from seedx_cli.terminal.terminal import Terminal

    if os.environ.get("SEEDX_DEBUG") == "1":
        import traceback

        traceback.print_exception(error)
    try:
        Terminal(sys.stdin, sys.stdout, sys.stderr, json=options.get("json") is True).error(error)
        sys.stdout.flush()
    except OSError:
        # There is nowhere left to print it; the exit code remains.
        _discard_output(sys.stdout)
        _discard_output(sys.stderr)
    return error.exit_code


def _discard_output(stream: TextIO) -> None:
    """Discard what is still buffered, so that writing it at exit cannot fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _system_error(error: OSError) -> SeedXError:
    """Turn an error of the operating system into one of ours, without its number."""
    reason = error.strerror or str(error)
    return SeedXError(f"{reason}: {error.filename}" if error.filename else reason)


def _unexpected_error(error: Exception) -> SeedXError:
    bug = SeedXError(
        f"SeedX ran into an unexpected error. {type(error).__name__}: {error}",
        hint="SEEDX_DEBUG=1 in the environment shows where",
        code="unexpected",
    )
    bug.__cause__ = error
    return bug


def _stop(number: int, _frame: FrameType | None) -> None:
    """Exit by an exception, so that every clean-up runs."""
    raise SystemExit(128 + number)
