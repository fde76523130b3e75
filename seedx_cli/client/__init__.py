"""The SeedX API for Python programs, and for every command of the terminal client.

Example:
    >>> from seedx_cli.client import Client
    >>> with Client("http://127.0.0.1:8443") as client:
    ...     client.auth.login("ada@example.com", "a long password")
    ...     ticket = client.tickets.new("Printer on fire", "It smokes since Monday.")
    ...     for event in client.ai.stream(ticket["id"]):
    ...         print(event.text, end="")
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seedx_cli.client.client import Client

__all__ = ["Client"]


def __getattr__(name: str) -> object:
    """Import the client, and httpx with it, when it is first used."""
    if name == "Client":
        from seedx_cli.client.client import Client

        return Client
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
