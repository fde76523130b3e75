"""The client's only access to the server package, for commands on the server's own machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from seedx_cli.errors import NotFoundError, SeedXError, UsageError


@contextmanager
def entry() -> Iterator[ModuleType]:
    """Give access to the server's entry functions; their errors become this client's."""
    from seedx_server import entry as server

    try:
        yield server
    except server.BadSettingError as error:
        raise UsageError(error.message, hint=error.hint or None) from error
    except server.NotFoundError as error:
        raise NotFoundError(error.message, hint=error.hint or None) from error
    except server.EntryError as error:
        raise SeedXError(error.message, hint=error.hint or None) from error


def handbook() -> Path:
    """Return the folder of the articles that come with the server."""
    with entry() as server:
        return Path(server.handbook_path())
