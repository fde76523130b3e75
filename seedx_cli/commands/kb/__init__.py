"""Commands for the knowledge base."""

from seedx_cli.parsing.command import command_group

app = command_group(
    __name__,
    "Read, search and import articles.",
    {
        "Commands": {
            "import": "Import Markdown files into the knowledge base (staff).",
            "list": "List the articles.",
            "show": "Show an article.",
            "search": "Find the articles that match some words.",
        }
    },
)
