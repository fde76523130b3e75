"""What every command shares: four options, examples in its help, and plain help pages.

Help is plain text on purpose: drawing it with Rich would take longer than everything else that
``--help`` does.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

from seedx_cli.context import Context, Shared

if TYPE_CHECKING:
    # The classes that Typer passes to overridden methods have no public name.
    from typer._click import HelpFormatter, Parameter
    from typer._click.core import Context as ClickContext

_CONTEXT = "seedx.context"


class Command(TyperCommand):
    """A command with the shared options; its epilog is a list of examples, one a line."""

    def __init__(
        self,
        name: str | None,
        *,
        params: list[Parameter] | None = None,
        **rest: Any,  # noqa: ANN401  # Typer's own arguments, passed on
    ) -> None:
        super().__init__(name, params=[*(params or []), *_shared_options()], **rest)

    def format_epilog(
        self, ctx: ClickContext, formatter: HelpFormatter  # noqa: ARG002  # as Typer calls it
    ) -> None:
        """Write the examples as they are, without filling lines."""
        _write_examples(self.epilog, formatter)


class Group(TyperGroup):
    """A group of commands; its epilog is a list of examples too."""

    def parse_args(self, ctx: ClickContext, args: list[str]) -> list[str]:
        """Show the help where nothing else is asked for."""
        return super().parse_args(ctx, args or ["--help"])

    def format_epilog(
        self, ctx: ClickContext, formatter: HelpFormatter  # noqa: ARG002  # as Typer calls it
    ) -> None:
        """Write the examples as they are, without filling lines."""
        _write_examples(self.epilog, formatter)


def command_group(help_text: str) -> typer.Typer:
    """A Typer app for one module of commands."""
    return typer.Typer(
        cls=Group,
        help=help_text,
        rich_markup_mode=None,
        add_completion=False,
    )


def context_of(typer_context: typer.Context) -> Context:
    """What a command works with, made from the shared options of the command line."""
    meta = typer_context.meta
    if _CONTEXT not in meta:
        context = Context(shared_of(meta))
        meta[_CONTEXT] = context
        typer_context.find_root().call_on_close(context.close)
    context = meta[_CONTEXT]
    assert isinstance(context, Context)  # noqa: S101  # tells mypy what is stored
    return context


def shared_of(meta: Mapping[str, Any]) -> Shared:
    """The shared options, as the command line gave them."""
    return Shared(**{name: meta[name] for name in _NAMES if name in meta})


_NAMES = ("json", "server", "profile", "quiet")


def _remember(ctx: typer.Context, param: typer.CallbackParam, value: bool | str | None) -> None:
    if value:
        ctx.meta[str(param.name)] = value


def _shared_options() -> list[TyperOption]:
    """The options that stand on every command; their values go to the context, not the function."""

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
        option("--json", "Print the API's own document."),
        option("--server", "The server to talk to.", "URL"),
        option("--profile", "The profile to use.", "NAME"),
        option("--quiet", "No hints and no progress."),
    ]


def _write_examples(epilog: str | None, formatter: HelpFormatter) -> None:
    if not epilog:
        return
    with formatter.section("Examples"):
        for line in inspect.cleandoc(epilog).splitlines():
            formatter.write(f"{'':{formatter.current_indent}}$ {line}\n" if line else "\n")
