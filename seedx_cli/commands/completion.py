"""seedx completion: print the script that completes commands in a shell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from seedx_cli.context import Context
from seedx_cli.errors import UsageError
from seedx_cli.parsing.arguments import one_of
from seedx_cli.parsing.command import Command, command_app, context_of

# Each script passes the line up to the cursor in COMP_LINE; `completion/answer.py` responds. bash
# sets the line and COMP_POINT itself. Without suggestions the shell completes file names.
_BASH = """\
complete -o default -C 'env _SEEDX_COMPLETE=bash seedx' seedx
"""

_ZSH = """\
#compdef seedx
_seedx() {
    local -a found
    local line="${words[1,CURRENT-1]} $PREFIX"
    found=("${(@f)$(_SEEDX_COMPLETE=zsh COMP_LINE=$line seedx)}")
    if [[ -n $found[1] ]]; then
        _describe -V seedx found
    else
        _files
    fi
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
if [[ $funcstack[1] == _seedx ]]; then
    _seedx
else
    compdef _seedx seedx
fi
"""

_FISH = """\
function __seedx_complete
    set -l line (commandline --current-process --cut-at-cursor | string collect)
    set -l found (env _SEEDX_COMPLETE=fish COMP_LINE="$line" seedx)
    if set -q found[1]
        printf '%s\\n' $found
    else
        __fish_complete_path (commandline --current-token)
    end
end
complete --command seedx --no-files --keep-order --arguments '(__seedx_complete)'
"""

_SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


@dataclass(frozen=True)
class CompletionOptions:
    """Which shell the script is for."""

    shell: str


def run(options: CompletionOptions, context: Context) -> None:
    """Print the script."""
    script = _SCRIPTS[options.shell]
    if context.io.json:
        context.io.document({"shell": options.shell, "script": script})
    else:
        context.io.stdout.write(script)


def install(environment: Mapping[str, str]) -> str:
    """Install the script for the user's shell, and return a sentence that says where.

    Raises:
        UsageError: There is no script for that shell.
    """
    shell = Path(environment.get("SHELL", "")).name
    if shell not in _SCRIPTS:
        raise UsageError(
            f"There is no completion for the shell {shell!r}",
            hint=f"Print a script: seedx completion {'|'.join(_SCRIPTS)}",
        )
    home = Path(environment.get("HOME", "~")).expanduser()
    config = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    if shell == "fish":
        file = config / "fish" / "completions" / "seedx.fish"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(_FISH, "utf-8")
        return f"Completion is installed in {file}.\n"
    line = f'eval "$(seedx completion {shell})"'
    folder = Path(environment.get("ZDOTDIR") or home) if shell == "zsh" else home
    file = folder / f".{shell}rc"
    before = file.read_text("utf-8") if file.exists() else ""
    if line not in before.splitlines():
        with file.open("a", encoding="utf-8") as lines:
            lines.write(f"{'' if before.endswith(chr(10)) or not before else chr(10)}{line}\n")
    return f"Completion is installed in {file}; it works in new shells.\n"


app = command_app()


@app.command(
    "completion",
    cls=Command,
    epilog="""
    eval "$(seedx completion bash)"
    seedx completion fish > ~/.config/fish/completions/seedx.fish
    """,
)
def completion(
    typer_context: typer.Context,
    shell: Annotated[
        str,
        typer.Argument(
            parser=one_of(tuple(_SCRIPTS), "shell with completion"),
            metavar="bash|zsh|fish",
            help="The shell.",
        ),
    ],
) -> None:
    """Print a script that completes commands in your shell."""
    run(CompletionOptions(shell), context_of(typer_context))
