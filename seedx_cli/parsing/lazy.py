"""Groups that know their commands without importing them: start-up pays for what is used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    # The classes that Typer passes to overridden methods have no public name.
    from typer._click import Command as ClickCommand
    from typer._click import HelpFormatter
    from typer._click.core import Context as ClickContext


class Entry(NamedTuple):
    """Where a command lives, and its line in the help.

    Attributes:
        module: The module whose `app` holds the command, or is the group of that name.
        help: What it does, in one line.
        section: The heading it stands under.
    """

    module: str
    help: str
    section: str = "Commands"


class LazyCommands(MutableMapping[str, "ClickCommand"]):
    """Commands by name; a module is imported when its command is asked for."""

    def __init__(self, entries: Mapping[str, Entry]) -> None:
        self._entries = entries
        self._built: dict[str, ClickCommand] = {}

    def __getitem__(self, name: str) -> ClickCommand:
        if name not in self._built:
            self._built[name] = _build(self._entries[name].module, name)
        return self._built[name]

    def __setitem__(self, name: str, command: ClickCommand) -> None:
        self._built[name] = command

    def __delitem__(self, name: str) -> None:
        del self._built[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


class LazyGroup(TyperGroup):
    """A group over `entries`, which a subclass names."""

    entries: ClassVar[Mapping[str, Entry]] = {}

    def __init__(self, **rest: Any) -> None:  # noqa: ANN401  # Typer's own arguments, passed on
        super().__init__(**rest)
        self.commands = LazyCommands(self.entries)

    def parse_args(self, ctx: ClickContext, args: list[str]) -> list[str]:
        """Show the help where nothing else is asked for."""
        return super().parse_args(ctx, args or ["--help"])

    def list_commands(self, ctx: ClickContext) -> list[str]:  # noqa: ARG002  # as Typer calls it
        """The names, in the order of the help."""
        return list(self.entries)

    def format_commands(
        self, ctx: ClickContext, formatter: HelpFormatter  # noqa: ARG002  # as Typer calls it
    ) -> None:
        """Write the commands in sections."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for name, entry in self.entries.items():
            sections.setdefault(entry.section, []).append((name, entry.help))
        for section, rows in sections.items():
            with formatter.section(section):
                formatter.write_dl(rows, col_spacing=4)


def _build(module: str, name: str) -> ClickCommand:
    app: typer.Typer = import_module(module).app
    for info in app.registered_commands:
        if info.name == name:
            return typer.main.get_command_from_info(
                info, pretty_exceptions_short=True, rich_markup_mode=None
            )
    group = typer.main.get_group(app)
    group.name = name
    return group
