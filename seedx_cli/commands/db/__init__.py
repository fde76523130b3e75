"""Commands for the server's database."""

from seedx_cli.parsing.command import command_group

app = command_group(
    __name__,
    "Migrate, back up and restore the database.",
    {
        "Commands": {
            "upgrade": "Upgrade the database to the newest revision; `serve` does so on its own.",
            "current": "Show the database's revision.",
            "backup": "Write the whole database to a file.",
            "restore": "Restore the database from a backup; everything since is lost.",
        }
    },
)
