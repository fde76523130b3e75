"""Typer's commands and groups, extended for SeedX.

Every command takes four shared options and shows examples in its help. A group knows the names of
its commands and imports a command's module only when that command is used, so that start-up pays
for one command and not for forty.

Help is plain text on purpose: drawing it with Rich would take longer than everything else that
``--help`` does.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from seedx_cli.context import Context, Shared
from seedx_cli.errors import UsageError

if TYPE_CHECKING:
    # Typer has no public names for the types of the methods that are overridden here. They are
    # used only in annotations, and only in this file (docs/decisions/0007).
    from typer._click import Command as ClickCommand
    from typer._click import HelpFormatter
    from typer._click.core import Context as ClickContext

_CONTEXT = "seedx.context"


class Command(TyperCommand):
    """A command with the shared options; its epilog is a list of examples, one per line."""

    def __init__(
        self,
        name: str | None,
        *,
        params: Sequence[TyperArgument | TyperOption] = (),
        **rest: Any,  # noqa: ANN401  # Typer's own arguments, passed on
    ) -> None:
        super().__init__(name, params=[*params, *shared_options()], **rest)

    def format_epilog(
        self, ctx: ClickContext, formatter: HelpFormatter  # noqa: ARG002  # as Typer calls it
    ) -> None:
        """Write the examples as they are, without rewrapping them."""
        with formatter.section("Examples"):
            for line in inspect.cleandoc(self.epilog or "").splitlines():
                formatter.write(f"{'':{formatter.current_indent}}$ {line}\n")


class LocalCommand(Command):
    """A command that works on this machine's database, whatever server the client uses."""

    def invoke(self, ctx: ClickContext) -> object:
        """Run the command, unless it was given another server."""
        refuse_server(shared_of(ctx.meta))
        return super().invoke(ctx)


class Group(TyperGroup):
    """A group whose commands are modules of `package`; `command_group` fills both attributes."""

    package: ClassVar[str]
    sections: ClassVar[Mapping[str, Mapping[str, str]]]

    @property
    def names(self) -> list[str]:
        """The names of the commands, in the order of the help."""
        return [name for section in self.sections.values() for name in section]

    def parse_args(self, ctx: ClickContext, args: list[str]) -> list[str]:
        """Show the help if there are no arguments."""
        return super().parse_args(ctx, args or ["--help"])

    def list_commands(self, ctx: ClickContext) -> list[str]:  # noqa: ARG002  # as Typer calls it
        """Return the names of the commands."""
        return self.names

    def get_command(
        self, ctx: ClickContext, cmd_name: str  # noqa: ARG002  # as Typer calls it
    ) -> ClickCommand | None:
        """Import a command's module and return the command."""
        if cmd_name not in self.names:
            return None
        # `import` is a keyword of Python, so its module is `import_`.
        module = "import_" if cmd_name == "import" else cmd_name
        command = typer.main.get_command(import_module(f"{self.package}.{module}").app)
        command.name = cmd_name
        return command

    def resolve_command(
        self, ctx: ClickContext, args: list[str]
    ) -> tuple[str | None, ClickCommand | None, list[str]]:
        """Find the command to run, or suggest the one that was probably meant."""
        if args[0] not in self.names and not args[0].startswith("-"):
            guess = did_you_mean(args[0], self.names)
            ctx.fail(" ".join(filter(None, [f"There is no command {args[0]!r}.", guess])))
        return super().resolve_command(ctx, args)

    def format_commands(
        self, ctx: ClickContext, formatter: HelpFormatter  # noqa: ARG002  # as Typer calls it
    ) -> None:
        """Write the commands in their sections, without importing them."""
        for title, commands in self.sections.items():
            with formatter.section(title):
                formatter.write_dl(list(commands.items()), col_spacing=4)


def command_app() -> typer.Typer:
    """Return a Typer app that holds one command."""
    return typer.Typer(rich_markup_mode=None, add_completion=False)


def command_group(
    package: str, help_text: str, sections: Mapping[str, Mapping[str, str]]
) -> typer.Typer:
    """Return a Typer app for a group of commands.

    Args:
        package: Where the commands are: one module each, with an `app` that holds the command.
        help_text: What the group is for.
        sections: The first line of each command's help, by heading and name.
    """
    group = type("Group", (Group,), {"package": package, "sections": sections})
    app = typer.Typer(
        cls=group,
        rich_markup_mode=None,
        add_completion=False,
        context_settings={"help_option_names": ["--help", "-h"]},
    )
    app.callback(help=help_text)(_group_callback)
    return app


def context_of(typer_context: typer.Context) -> Context:
    """Return the context of a command, made from the shared options of the command line."""
    meta = typer_context.meta
    if _CONTEXT not in meta:
        context = Context(shared_of(meta))
        meta[_CONTEXT] = context
        typer_context.find_root().call_on_close(context.close)
    context = meta[_CONTEXT]
    assert isinstance(context, Context)  # noqa: S101  # tells mypy what is stored
    return context


def shared_of(meta: Mapping[str, Any]) -> Shared:
    """Return the shared options, as the command line gave them."""
    return Shared(**{name: meta[name] for name in Shared._fields if name in meta})


def refuse_server(shared: Shared) -> None:
    """Refuse the shared options that name a server, for a command that would ignore them.

    Raises:
        UsageError: One of them was given.
    """
    for option, value in (("--server", shared.server), ("--profile", shared.profile)):
        if value:
            raise UsageError(
                f"This command works on this machine's database; {option} does not apply."
            )


def did_you_mean(word: str, choices: Iterable[str]) -> str | None:
    """Return a question that suggests the choice nearest to a word, None if none is near."""
    near = get_close_matches(word, choices, n=1)
    return f"Did you mean {near[0]!r}?" if near else None


def _group_callback() -> None:
    """Do nothing: only the commands of a group do something."""


def _remember(ctx: typer.Context, param: typer.CallbackParam, value: bool | str | None) -> None:
    if value:
        ctx.meta[str(param.name)] = value


def shared_options() -> list[TyperOption]:
    """Return the options that every command has; their values go to the context."""

    def option(name: str, help_text: str, metavar: str | None = None) -> TyperOption:
        return TyperOption(
            param_decls=[name],
            help=help_text,
            metavar=metavar,
            is_flag=metavar is None,
            callback=_remember,
            expose_value=False,
            show_default=False,
        )

    return [
        option("--json", "Print the API's document as JSON."),
        option("--server", "The server to talk to.", "URL"),
        option("--profile", "The profile to use.", "NAME"),
        option("--quiet", "Show no hints or progress."),
    ]
