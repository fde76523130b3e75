"""What may follow what on the command line; `completion.build` makes this file."""

# Type checkers take this name as true; importing typing would double the time completion takes.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import TypedDict

    class Node(TypedDict):
        """A command or a group: options with what they take, and what its arguments are."""

        help: str
        options: dict[str, tuple[str, str]]
        arguments: list[str]
        commands: dict[str, "Node"]


TABLE: "Node" = {
    "help": "SeedX: a support desk that lives in the terminal.",
    "options": {
        "--help": ("Show this message and exit.", ""),
        "--version": ("Show the version.", ""),
        "--install-completion": ("Install completion for the current shell.", ""),
        "--show-completion": (
            "Show completion for the current shell, to copy it or " "customize the installation.",
            "",
        ),
    },
    "arguments": [],
    "commands": {
        "demo": {
            "help": "Watch the whole product work, on this machine.",
            "options": {
                "--help": ("Show this message and exit.", ""),
                "--keep": ("Keep the data, in the folder that `seedx serve` " "uses.", ""),
                "--json": ("Print the API's own document.", ""),
                "--server": ("The server to talk to.", "file"),
                "--profile": ("The profile to use.", "file"),
                "--quiet": ("No hints and no progress.", ""),
            },
            "arguments": [],
            "commands": {},
        },
        "help": {
            "help": "Read about exit codes, the environment and JSON.",
            "options": {
                "--help": ("Show this message and exit.", ""),
                "--json": ("Print the API's own document.", ""),
                "--server": ("The server to talk to.", "file"),
                "--profile": ("The profile to use.", "file"),
                "--quiet": ("No hints and no progress.", ""),
            },
            "arguments": ["exit-codes|environment|json"],
            "commands": {},
        },
        "signup": {
            "help": "Make an account and sign in.",
            "options": {
                "--help": ("Show this message and exit.", ""),
                "--name": ("How others see you.", "file"),
                "--email": ("Your e-mail address.", "file"),
                "--password-stdin": ("Read the password from standard " "input.", ""),
                "--json": ("Print the API's own document.", ""),
                "--server": ("The server to talk to.", "file"),
                "--profile": ("The profile to use.", "file"),
                "--quiet": ("No hints and no progress.", ""),
            },
            "arguments": [],
            "commands": {},
        },
        "login": {
            "help": "Sign in to a server.",
            "options": {
                "--help": ("Show this message and exit.", ""),
                "--email": ("Your e-mail address.", "file"),
                "--password-stdin": ("Read the password from standard input.", ""),
                "--json": ("Print the API's own document.", ""),
                "--server": ("The server to talk to.", "file"),
                "--profile": ("The profile to use.", "file"),
                "--quiet": ("No hints and no progress.", ""),
            },
            "arguments": [],
            "commands": {},
        },
        "logout": {
            "help": "End the session.",
            "options": {
                "--help": ("Show this message and exit.", ""),
                "--json": ("Print the API's own document.", ""),
                "--server": ("The server to talk to.", "file"),
                "--profile": ("The profile to use.", "file"),
                "--quiet": ("No hints and no progress.", ""),
            },
            "arguments": [],
            "commands": {},
        },
        "whoami": {
            "help": "Show server, user, role and where the token is kept.",
            "options": {
                "--help": ("Show this message and exit.", ""),
                "--json": ("Print the API's own document.", ""),
                "--server": ("The server to talk to.", "file"),
                "--profile": ("The profile to use.", "file"),
                "--quiet": ("No hints and no progress.", ""),
            },
            "arguments": [],
            "commands": {},
        },
        "ticket": {
            "help": "Open tickets, read them, answer them.",
            "options": {"--help": ("Show this message and exit.", "")},
            "arguments": [],
            "commands": {
                "new": {
                    "help": "Open a ticket.",
                    "options": {
                        "--help": ("Show this message and " "exit.", ""),
                        "--title": ("One line.", "file"),
                        "-t": ("One line.", "file"),
                        "--body": ("The text.", "file"),
                        "-b": ("The text.", "file"),
                        "--file": ("Read the text from a file; " "- for a pipe.", "file"),
                        "-F": ("Read the text from a file; - " "for a pipe.", "file"),
                        "--priority": (
                            "One of low, normal, " "high, urgent.",
                            "low|normal|high|urgent",
                        ),
                        "-p": ("One of low, normal, high, " "urgent.", "low|normal|high|urgent"),
                        "--tag": ("A tag; may be given again.", "file"),
                        "--ai": ("Stream the AI's reply at " "once.", ""),
                        "--recover": ("Send what an earlier " "attempt kept.", "file"),
                        "--json": ("Print the API's own " "document.", ""),
                        "--server": ("The server to talk to.", "file"),
                        "--profile": ("The profile to use.", "file"),
                        "--quiet": ("No hints and no progress.", ""),
                    },
                    "arguments": [],
                    "commands": {},
                },
                "list": {
                    "help": "List tickets, the newest activity first.",
                    "options": {
                        "--help": ("Show this message and " "exit.", ""),
                        "--status": (
                            "One of open, pending, " "on_hold, resolved, " "closed.",
                            "open|pending|on_hold|resolved|closed",
                        ),
                        "-s": (
                            "One of open, pending, " "on_hold, resolved, closed.",
                            "open|pending|on_hold|resolved|closed",
                        ),
                        "--mine": ("Those assigned to you; a " "customer's own.", ""),
                        "--all": ("All, not only the newest.", ""),
                        "--assignee": ("An id, me or none.", "file"),
                        "--tag": ("Those with that tag.", "file"),
                        "--priority": (
                            "One of low, normal, " "high, urgent.",
                            "low|normal|high|urgent",
                        ),
                        "-p": ("One of low, normal, high, " "urgent.", "low|normal|high|urgent"),
                        "--search": ("Those with these words.", "file"),
                        "-S": ("Those with these words.", "file"),
                        "--limit": ("How many at most.", "file"),
                        "-L": ("How many at most.", "file"),
                        "--json": ("Print the API's own " "document.", ""),
                        "--server": ("The server to talk to.", "file"),
                        "--profile": ("The profile to use.", "file"),
                        "--quiet": ("No hints and no " "progress.", ""),
                    },
                    "arguments": [],
                    "commands": {},
                },
                "show": {
                    "help": "Show a ticket and its conversation.",
                    "options": {
                        "--help": ("Show this message and " "exit.", ""),
                        "--watch": ("Stay, and show what " "happens.", ""),
                        "-w": ("Stay, and show what happens.", ""),
                        "--json": ("Print the API's own " "document.", ""),
                        "--server": ("The server to talk to.", "file"),
                        "--profile": ("The profile to use.", "file"),
                        "--quiet": ("No hints and no " "progress.", ""),
                    },
                    "arguments": ["ticket"],
                    "commands": {},
                },
                "reply": {
                    "help": "Add a message; whoever sees the ticket " "sees it.",
                    "options": {
                        "--help": ("Show this message and " "exit.", ""),
                        "--body": ("The text.", "file"),
                        "-b": ("The text.", "file"),
                        "--file": ("Read the text from a " "file; - for a pipe.", "file"),
                        "-F": ("Read the text from a file; - " "for a pipe.", "file"),
                        "--recover": ("Send what an earlier " "attempt kept.", "file"),
                        "--json": ("Print the API's own " "document.", ""),
                        "--server": ("The server to talk to.", "file"),
                        "--profile": ("The profile to use.", "file"),
                        "--quiet": ("No hints and no " "progress.", ""),
                    },
                    "arguments": ["ticket"],
                    "commands": {},
                },
                "watch": {
                    "help": "Show what happens on a ticket as it " "happens.",
                    "options": {
                        "--help": ("Show this message and " "exit.", ""),
                        "--exit-status": ("End with 0 once " "it is resolved or " "closed.", ""),
                        "--json": ("Print the API's own " "document.", ""),
                        "--server": ("The server to talk to.", "file"),
                        "--profile": ("The profile to use.", "file"),
                        "--quiet": ("No hints and no " "progress.", ""),
                    },
                    "arguments": ["ticket"],
                    "commands": {},
                },
                "close": {
                    "help": "Close a ticket.",
                    "options": {
                        "--help": ("Show this message and " "exit.", ""),
                        "--json": ("Print the API's own " "document.", ""),
                        "--server": ("The server to talk to.", "file"),
                        "--profile": ("The profile to use.", "file"),
                        "--quiet": ("No hints and no " "progress.", ""),
                    },
                    "arguments": ["ticket"],
                    "commands": {},
                },
                "reopen": {
                    "help": "Open a ticket again.",
                    "options": {
                        "--help": ("Show this message and " "exit.", ""),
                        "--json": ("Print the API's own " "document.", ""),
                        "--server": ("The server to talk " "to.", "file"),
                        "--profile": ("The profile to use.", "file"),
                        "--quiet": ("No hints and no " "progress.", ""),
                    },
                    "arguments": ["ticket"],
                    "commands": {},
                },
                "claim": {
                    "help": "Take the most urgent ticket.",
                    "options": {
                        "--help": ("Show this message and " "exit.", ""),
                        "--json": ("Print the API's own " "document.", ""),
                        "--server": ("The server to talk to.", "file"),
                        "--profile": ("The profile to use.", "file"),
                        "--quiet": ("No hints and no " "progress.", ""),
                    },
                    "arguments": [],
                    "commands": {},
                },
                "assign": {
                    "help": "Give a ticket to somebody.",
                    "options": {
                        "--help": ("Show this message and " "exit.", ""),
                        "--json": ("Print the API's own " "document.", ""),
                        "--server": ("The server to talk " "to.", "file"),
                        "--profile": ("The profile to use.", "file"),
                        "--quiet": ("No hints and no " "progress.", ""),
                    },
                    "arguments": ["ticket", "file"],
                    "commands": {},
                },
                "note": {
                    "help": "Add a note that staff alone see.",
                    "options": {
                        "--help": ("Show this message and " "exit.", ""),
                        "--body": ("The text.", "file"),
                        "-b": ("The text.", "file"),
                        "--file": ("Read the text from a " "file; - for a pipe.", "file"),
                        "-F": ("Read the text from a file; - " "for a pipe.", "file"),
                        "--recover": ("Send what an earlier " "attempt kept.", "file"),
                        "--json": ("Print the API's own " "document.", ""),
                        "--server": ("The server to talk to.", "file"),
                        "--profile": ("The profile to use.", "file"),
                        "--quiet": ("No hints and no " "progress.", ""),
                    },
                    "arguments": ["ticket"],
                    "commands": {},
                },
                "edit": {
                    "help": "Change status, priority, title or tags.",
                    "options": {
                        "--help": ("Show this message and " "exit.", ""),
                        "--status": (
                            "One of open, pending, " "on_hold, resolved, " "closed.",
                            "open|pending|on_hold|resolved|closed",
                        ),
                        "-s": (
                            "One of open, pending, " "on_hold, resolved, closed.",
                            "open|pending|on_hold|resolved|closed",
                        ),
                        "--priority": (
                            "One of low, normal, " "high, urgent.",
                            "low|normal|high|urgent",
                        ),
                        "-p": ("One of low, normal, high, " "urgent.", "low|normal|high|urgent"),
                        "--title": ("Another title.", "file"),
                        "-t": ("Another title.", "file"),
                        "--tag": ("A tag; may be given again.", "file"),
                        "--no-tags": ("Take all tags off.", ""),
                        "--json": ("Print the API's own " "document.", ""),
                        "--server": ("The server to talk to.", "file"),
                        "--profile": ("The profile to use.", "file"),
                        "--quiet": ("No hints and no " "progress.", ""),
                    },
                    "arguments": ["ticket"],
                    "commands": {},
                },
            },
        },
        "ai": {
            "help": "Stream the AI's reply to a ticket.",
            "options": {
                "--help": ("Show this message and exit.", ""),
                "--message": ("Add this message first.", "file"),
                "-m": ("Add this message first.", "file"),
                "--draft": ("A reply for you to check; only you see it (staff).", ""),
                "--summary": ("Sum the ticket up (staff).", ""),
                "--instructions": ("What a draft or summary shall heed.", "file"),
                "--send": ("Send the draft as your reply.", ""),
                "--rate": (
                    "Say whether the newest AI reply helped, and stream " "nothing.",
                    "up|down",
                ),
                "--reason": ("Why, together with --rate.", "file"),
                "--json": ("Print the API's own document.", ""),
                "--server": ("The server to talk to.", "file"),
                "--profile": ("The profile to use.", "file"),
                "--quiet": ("No hints and no progress.", ""),
            },
            "arguments": ["ticket"],
            "commands": {},
        },
        "ask": {
            "help": "Ask the knowledge base and the AI, then open a ticket if that did "
            "not help.",
            "options": {
                "--help": ("Show this message and exit.", ""),
                "--ticket": (
                    "Open a ticket with the question and the piped " "text, or never.",
                    "",
                ),
                "--no-ticket": (
                    "Open a ticket with the question and the piped " "text, or never.",
                    "",
                ),
                "--redact-emails": ("Take e-mail addresses out too.", ""),
                "--json": ("Print the API's own document.", ""),
                "--server": ("The server to talk to.", "file"),
                "--profile": ("The profile to use.", "file"),
                "--quiet": ("No hints and no progress.", ""),
            },
            "arguments": ["file"],
            "commands": {},
        },
        "kb": {
            "help": "Read and fill the knowledge base.",
            "options": {"--help": ("Show this message and exit.", "")},
            "arguments": [],
            "commands": {
                "import": {
                    "help": "Write Markdown files into the knowledge " "base (staff).",
                    "options": {
                        "--help": ("Show this message and exit.", ""),
                        "--prune": ("Remove every article that " "is not among them.", ""),
                        "--json": ("Print the API's own " "document.", ""),
                        "--server": ("The server to talk to.", "file"),
                        "--profile": ("The profile to use.", "file"),
                        "--quiet": ("No hints and no progress.", ""),
                    },
                    "arguments": ["file"],
                    "commands": {},
                },
                "list": {
                    "help": "List the articles.",
                    "options": {
                        "--help": ("Show this message and exit.", ""),
                        "--json": ("Print the API's own document.", ""),
                        "--server": ("The server to talk to.", "file"),
                        "--profile": ("The profile to use.", "file"),
                        "--quiet": ("No hints and no progress.", ""),
                    },
                    "arguments": [],
                    "commands": {},
                },
                "show": {
                    "help": "Show an article.",
                    "options": {
                        "--help": ("Show this message and exit.", ""),
                        "--json": ("Print the API's own document.", ""),
                        "--server": ("The server to talk to.", "file"),
                        "--profile": ("The profile to use.", "file"),
                        "--quiet": ("No hints and no progress.", ""),
                    },
                    "arguments": ["file"],
                    "commands": {},
                },
                "search": {
                    "help": "Find the articles that fit some words.",
                    "options": {
                        "--help": ("Show this message and exit.", ""),
                        "--json": ("Print the API's own " "document.", ""),
                        "--server": ("The server to talk to.", "file"),
                        "--profile": ("The profile to use.", "file"),
                        "--quiet": ("No hints and no progress.", ""),
                    },
                    "arguments": ["file"],
                    "commands": {},
                },
            },
        },
        "serve": {
            "help": "Run the server.",
            "options": {
                "--help": ("Show this message and exit.", ""),
                "--host": ("Where to listen; SEEDX_HOST or 127.0.0.1.", "file"),
                "--port": ("The port; SEEDX_PORT or 8443, 0 for any.", "file"),
                "--workers": ("How many processes.", "file"),
                "--reload": ("Start again when the source changes.", ""),
                "--json": ("Print the API's own document.", ""),
                "--server": ("The server to talk to.", "file"),
                "--profile": ("The profile to use.", "file"),
                "--quiet": ("No hints and no progress.", ""),
            },
            "arguments": [],
            "commands": {},
        },
        "user": {
            "help": "List accounts and give roles.",
            "options": {"--help": ("Show this message and exit.", "")},
            "arguments": [],
            "commands": {
                "list": {
                    "help": "List every account (admins).",
                    "options": {
                        "--help": ("Show this message and exit.", ""),
                        "--json": ("Print the API's own " "document.", ""),
                        "--server": ("The server to talk to.", "file"),
                        "--profile": ("The profile to use.", "file"),
                        "--quiet": ("No hints and no progress.", ""),
                    },
                    "arguments": [],
                    "commands": {},
                },
                "role": {
                    "help": "Give an account a role: customer, agent or " "admin.",
                    "options": {
                        "--help": ("Show this message and exit.", ""),
                        "--local": (
                            "Straight in the database "
                            "of this machine, or "
                            "through the server.",
                            "",
                        ),
                        "--remote": (
                            "Straight in the database "
                            "of this machine, or "
                            "through the server.",
                            "",
                        ),
                        "--json": ("Print the API's own " "document.", ""),
                        "--server": ("The server to talk to.", "file"),
                        "--profile": ("The profile to use.", "file"),
                        "--quiet": ("No hints and no progress.", ""),
                    },
                    "arguments": ["file", "customer|agent|admin"],
                    "commands": {},
                },
            },
        },
        "db": {
            "help": "Migrate, back up and restore the database.",
            "options": {"--help": ("Show this message and exit.", "")},
            "arguments": [],
            "commands": {
                "upgrade": {
                    "help": "Bring the database to the newest "
                    "revision; `serve` does so by itself.",
                    "options": {
                        "--help": ("Show this message and " "exit.", ""),
                        "--json": ("Print the API's own " "document.", ""),
                        "--server": ("The server to talk to.", "file"),
                        "--profile": ("The profile to use.", "file"),
                        "--quiet": ("No hints and no progress.", ""),
                    },
                    "arguments": [],
                    "commands": {},
                },
                "current": {
                    "help": "Show the database's revision.",
                    "options": {
                        "--help": ("Show this message and " "exit.", ""),
                        "--json": ("Print the API's own " "document.", ""),
                        "--server": ("The server to talk to.", "file"),
                        "--profile": ("The profile to use.", "file"),
                        "--quiet": ("No hints and no progress.", ""),
                    },
                    "arguments": [],
                    "commands": {},
                },
                "backup": {
                    "help": "Write the whole database to a file.",
                    "options": {
                        "--help": ("Show this message and exit.", ""),
                        "--force": ("Replace a file that is " "there.", ""),
                        "--json": ("Print the API's own " "document.", ""),
                        "--server": ("The server to talk to.", "file"),
                        "--profile": ("The profile to use.", "file"),
                        "--quiet": ("No hints and no progress.", ""),
                    },
                    "arguments": ["file"],
                    "commands": {},
                },
                "restore": {
                    "help": "Put the database back to what a backup "
                    "holds; everything since is lost.",
                    "options": {
                        "--help": ("Show this message and " "exit.", ""),
                        "--yes": ("Do not ask.", ""),
                        "--json": ("Print the API's own " "document.", ""),
                        "--server": ("The server to talk to.", "file"),
                        "--profile": ("The profile to use.", "file"),
                        "--quiet": ("No hints and no progress.", ""),
                    },
                    "arguments": ["file"],
                    "commands": {},
                },
            },
        },
        "config": {
            "help": "Read and change settings.",
            "options": {"--help": ("Show this message and exit.", "")},
            "arguments": [],
            "commands": {
                "get": {
                    "help": "Show one setting.",
                    "options": {
                        "--help": ("Show this message and " "exit.", ""),
                        "--json": ("Print the API's own " "document.", ""),
                        "--server": ("The server to talk to.", "file"),
                        "--profile": ("The profile to use.", "file"),
                        "--quiet": ("No hints and no progress.", ""),
                    },
                    "arguments": ["server|email|profile|pager|editor"],
                    "commands": {},
                },
                "set": {
                    "help": "Keep a setting; server and email belong " "to the profile in use.",
                    "options": {
                        "--help": ("Show this message and " "exit.", ""),
                        "--json": ("Print the API's own " "document.", ""),
                        "--server": ("The server to talk to.", "file"),
                        "--profile": ("The profile to use.", "file"),
                        "--quiet": ("No hints and no progress.", ""),
                    },
                    "arguments": ["server|email|profile|pager|editor", "file"],
                    "commands": {},
                },
                "unset": {
                    "help": "Forget a setting.",
                    "options": {
                        "--help": ("Show this message and " "exit.", ""),
                        "--json": ("Print the API's own " "document.", ""),
                        "--server": ("The server to talk to.", "file"),
                        "--profile": ("The profile to use.", "file"),
                        "--quiet": ("No hints and no " "progress.", ""),
                    },
                    "arguments": ["server|email|profile|pager|editor"],
                    "commands": {},
                },
                "list": {
                    "help": "Show every setting of the profile in " "use.",
                    "options": {
                        "--help": ("Show this message and " "exit.", ""),
                        "--json": ("Print the API's own " "document.", ""),
                        "--server": ("The server to talk to.", "file"),
                        "--profile": ("The profile to use.", "file"),
                        "--quiet": ("No hints and no " "progress.", ""),
                    },
                    "arguments": [],
                    "commands": {},
                },
            },
        },
        "doctor": {
            "help": "Find out what is wrong.",
            "options": {
                "--help": ("Show this message and exit.", ""),
                "--json": ("Print the API's own document.", ""),
                "--server": ("The server to talk to.", "file"),
                "--profile": ("The profile to use.", "file"),
                "--quiet": ("No hints and no progress.", ""),
            },
            "arguments": [],
            "commands": {},
        },
    },
}
