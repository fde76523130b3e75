"""Commands for tickets."""

from seedx_cli.parsing.command import command_group

app = command_group(
    __name__,
    "Open, read and answer tickets.",
    {
        "Commands": {
            "new": "Open a ticket.",
            "list": "List tickets, newest activity first.",
            "show": "Show a ticket and its conversation.",
            "reply": "Add a message that everyone on the ticket can see.",
            "watch": "Follow a ticket live.",
            "close": "Close a ticket.",
            "reopen": "Reopen a ticket.",
        },
        "Staff": {
            "claim": "Claim the most urgent ticket of the queue.",
            "assign": "Assign a ticket to a member of staff.",
            "note": "Add a note that only staff see.",
            "edit": "Change status, priority, title or tags.",
        },
    },
)
