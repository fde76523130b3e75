"""The events of AI runs, as tests play them."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import cast

from seedx_cli.client.sse import Event
from seedx_cli.context import Context, Shared
from seedx_cli.terminal.terminal import Terminal


def events(*texts: str | None, purpose: str = "reply", **end: object) -> Iterator[Event]:
    """A run's events; None restarts the text, `end` is what the last one tells."""
    yield Event("run", None, {"run_id": 1, "purpose": purpose})
    for text in texts:
        if text is None:
            yield Event("restarted", "1.0", {"run_id": 1})
        else:
            yield Event("message", "1.1", {"content": text})
    yield Event("done", "1.9", {"run_id": 1, "message_id": 2, "citations": [], **end})


def context_on(terminal: Terminal) -> Context:
    """The context of a command on this terminal; it has no API."""
    return cast("Context", SimpleNamespace(io=terminal, shared=Shared()))
