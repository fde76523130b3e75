"""Commands for the client's settings."""

from seedx_cli.parsing.command import command_group

app = command_group(
    __name__,
    "Read and change settings.",
    {
        "Commands": {
            "get": "Show one setting.",
            "set": "Save a setting; server and email belong to the profile in use.",
            "unset": "Remove a setting.",
            "list": "Show every setting of the profile in use.",
        }
    },
)
