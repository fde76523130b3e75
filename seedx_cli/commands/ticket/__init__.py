"""Commands on tickets."""

from seedx_cli.parsing.command import command_group

app = command_group(
    __name__,
    "Open, read and answer tickets.",
    {
        "Commands": {
            "new": "Open a ticket.",
            "list": "List tickets, the newest activity first.",
            "show": "Show a ticket and its conversation.",
            "reply": "Add a message; everyone who sees the ticket sees it.",
            "watch": "Show what happens on a ticket as it happens.",
            "close": "Close a ticket.",
            "reopen": "Reopen a ticket.",
        },
        "Staff": {
            "claim": "Take the most urgent ticket.",
            "assign": "Assign a ticket to a member of staff.",
            "note": "Add a note that only staff see.",
            "edit": "Change status, priority, title or tags.",
        },
    },
)
