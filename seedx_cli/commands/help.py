"""Reading about SeedX in the terminal: seedx help TOPIC."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated

import typer

from seedx_cli.context import Context
from seedx_cli.errors import UsageError
from seedx_cli.parsing.command import Command, command_group, context_of

if TYPE_CHECKING:
    # What Typer passes around has no public name.
    from typer._click.core import Context as ClickContext

app = command_group("Topics.")

_EXIT_CODES = """\
EXIT CODES

  0    done
  1    failed: the server or the network, or a request that cannot be met
  2    wrong usage: an option, an argument, a setting, or input the server rejects
  4    signed out, or not allowed
  5    not found
  130  interrupted with Ctrl-C

An error is one or two lines on stderr: what went wrong, then what mends it. With --json it is one
JSON object on stderr: {"code", "message", "hint"}.
"""

_ENVIRONMENT = """\
ENVIRONMENT

  SEEDX_URL         the server; --server beats it
  SEEDX_PROFILE     the profile; --profile beats it
  SEEDX_TOKEN       an access token that beats the one of `seedx login`
  SEEDX_CONFIG_DIR  where settings, tokens and unsent texts are kept
  SEEDX_PAGER       the pager for long output on a terminal; PAGER is second, cat means none
  VISUAL, EDITOR    the editor for tickets and replies
  NO_COLOR          any value: no colour
  CLICOLOR_FORCE    1: colour even in a pipe
  SEEDX_DEBUG       1: show where an error came from
  SSL_CERT_FILE     certificates to trust besides the usual ones
  HTTPS_PROXY       a proxy on the way to the server; NO_PROXY names exceptions

The server's own settings (DATABASE_URL, JWT_SECRET, GROK_API_KEY and others) are in the README.
"""

_JSON = """\
JSON

With --json every command prints the document of the HTTP API on stdout, as it came. The API is
described at /docs of each server.

  seedx ticket list --json | jq -r '.items[] | select(.priority == "urgent") | .id'

Streams (seedx ai, seedx ticket watch) print one object a line as it happens:

  {"event": "message", "id": "17.5", "data": {"content": "Hello"}}

`event` is run, message (a piece of text), restarted (the text so far is void), done or error; a
ticket opened on the way (ticket new --ai, ask --ticket) is the event ticket. For a watched ticket
it is the type of what happened, such as message.created or ticket.updated. All output is ASCII;
everything else is escaped.
"""

TOPICS = {"exit-codes": _EXIT_CODES, "environment": _ENVIRONMENT, "json": _JSON}


def run_help(words: tuple[str, ...], typer_context: typer.Context, context: Context) -> None:
    """Show a topic, or the help of a command."""
    io = context.io
    if not words:
        io.line(typer_context.find_root().get_help())
        io.line(f"\nTopics: seedx help {' | '.join(TOPICS)}")
        return
    if len(words) == 1 and words[0] in TOPICS:
        io.page(TOPICS[words[0]])
        return
    io.line(_command_help(words, typer_context.find_root()))


@app.command(
    "help",
    cls=Command,
    epilog="""
    seedx help exit-codes
    seedx help ticket list
    """,
)
def help_(
    typer_context: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TOPIC | COMMAND...]", help=f"{', '.join(TOPICS)}, or a command."),
    ] = None,
) -> None:
    """Read about exit codes, the environment and JSON.

    With a command's name it shows the help of that command.
    """
    run_help(tuple(words or ()), typer_context, context_of(typer_context))


def _command_help(words: tuple[str, ...], here: ClickContext) -> str:
    for word in words:
        group = here.command
        names = group.list_commands(here) if hasattr(group, "list_commands") else []
        command = group.get_command(here, word) if word in names else None  # type: ignore[attr-defined]  # a group has it
        if command is None:
            near = get_close_matches(word, [*names, *TOPICS], n=1)
            guess = f"Did you mean {near[0]!r}?" if near else None
            raise UsageError(f"There is no topic or command {word!r}", hint=guess)
        here = type(here)(command, parent=here, info_name=word)
    return here.get_help()
