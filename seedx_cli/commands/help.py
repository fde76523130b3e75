"""seedx help: read about a topic or a command."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer
from typer.core import TyperGroup

from seedx_cli.context import Context
from seedx_cli.errors import UsageError
from seedx_cli.parsing.command import Command, command_app, context_of, did_you_mean

_EXIT_CODES = """\
EXIT CODES

  0    done
  1    failed: the server or the network, or a request that cannot be met
  2    wrong usage: an option, an argument, a setting, or input the server rejects
  4    signed out, or not allowed
  5    not found
  130  interrupted with Ctrl-C

An error is one or two lines on stderr: what went wrong, then what to do about it. With --json it is
one JSON object on stderr: {"code", "message", "hint"}.
"""

_ENVIRONMENT = """\
ENVIRONMENT

  SEEDX_URL         the server; --server overrides it
  SEEDX_PROFILE     the profile; --profile overrides it
  SEEDX_TOKEN       an access token to use instead of the one of `seedx login`
  SEEDX_CONFIG_DIR  where settings, tokens and unsent texts are kept
  SEEDX_PAGER       the pager for long output on a terminal, before PAGER; cat means none
  VISUAL, EDITOR    the editor for tickets and replies
  NO_COLOR          any value: no colour
  CLICOLOR_FORCE    1: colour even in a pipe
  SEEDX_DEBUG       1: show where an error came from
  SSL_CERT_FILE     certificates to trust instead of the usual ones
  HTTPS_PROXY       a proxy on the way to the server; NO_PROXY names exceptions

SEEDX_URL, SEEDX_TOKEN and SEEDX_CONFIG_DIR may also be set in .env in the working folder. The
environment overrides that file, and a token from the environment is never sent to a server that
only the file names. The server's own settings (DATABASE_URL, JWT_SECRET, GROK_API_KEY and others)
are listed in .env.example.
"""

_JSON = """\
JSON

With --json every command prints the document of the HTTP API on stdout, as the server sent it. The
API is described at /docs of each server.

  seedx ticket list --json | jq -r '.items[] | select(.priority == "urgent") | .id'

Streams (seedx ai, seedx ticket watch) print one object per line, as things happen:

  {"event": "message", "id": "17.5", "data": {"content": "Hello"}}

`event` is run, message (a piece of text), restarted (the text so far is discarded), done or error.
A ticket that the command opened (ticket new --ai, ask --ticket) is the event ticket, and a draft
that was sent (ai --draft --send) is the event sent. For a watched ticket, `event` is the type of
what happened, such as message.created or ticket.updated. All output is ASCII; other characters are
escaped.
"""

TOPICS = {"exit-codes": _EXIT_CODES, "environment": _ENVIRONMENT, "json": _JSON}


@dataclass(frozen=True)
class HelpOptions:
    """A topic, or the words of a command; empty for an overview."""

    words: tuple[str, ...] = ()


def run(options: HelpOptions, typer_context: typer.Context, context: Context) -> None:
    """Show a topic, or the help of a command."""
    name, io = " ".join(options.words), context.io
    text = TOPICS.get(name) or _help_of(options.words, typer_context)
    if io.json:
        io.document({"name": name or None, "text": text})
    else:
        io.page(text)


app = command_app()


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

    With the name of a command, shows that command's help.
    """
    run(HelpOptions(tuple(words or ())), typer_context, context_of(typer_context))


def _help_of(words: tuple[str, ...], typer_context: typer.Context) -> str:
    """Return the help of a command, or without words of the program.

    Raises:
        UsageError: There is no such command.
    """
    here = typer_context.find_root()
    if not words:
        return f"{here.get_help()}\n\nTopics: seedx help {' | '.join(TOPICS)}\n"
    for word in words:
        group = here.command
        command = group.get_command(here, word) if isinstance(group, TyperGroup) else None
        if command is None:
            names = group.list_commands(here) if isinstance(group, TyperGroup) else []
            raise UsageError(
                f"There is no topic or command {word!r}", hint=did_you_mean(word, [*names, *TOPICS])
            )
        here = command.make_context(word, [], parent=here, resilient_parsing=True)
    return f"{here.get_help()}\n"
