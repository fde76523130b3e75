"""Tickets: open, read, answer, follow and work on them."""

from seedx_cli.command import command_group
from seedx_cli.commands.ticket import change, follow, read, write

app = command_group("Open tickets, read them, answer them.")
for part in (write, read, change, follow):
    app.add_typer(part.app)
