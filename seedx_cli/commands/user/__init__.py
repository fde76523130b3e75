"""Commands for accounts, for those who run the desk."""

from seedx_cli.parsing.command import command_group

app = command_group(
    __name__,
    "List accounts and change their roles.",
    {
        "Commands": {
            "list": "List all accounts (admins).",
            "role": "Give an account a role: customer, agent or admin.",
        }
    },
)
