"""Commands on the knowledge base."""

from seedx_cli.parsing.command import command_group

app = command_group(
    __name__,
    "Read and fill the knowledge base.",
    {
        "Commands": {
            "import": "Write Markdown files into the knowledge base (staff).",
            "list": "List the articles.",
            "show": "Show an article.",
            "search": "Find the articles that match some words.",
        }
    },
)
