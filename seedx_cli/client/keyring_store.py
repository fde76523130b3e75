"""Secrets in the system's keyring, if there is one that responds.

On a machine without a desktop, a keyring often waits forever for somebody to unlock it. So each
call has three seconds; after that the caller keeps the secret in a file instead.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

TIMEOUT_SECONDS = 3.0
_SERVICE = "seedx"

T = TypeVar("T")


def put(name: str, secret: str) -> bool:
    """Store a secret and read it back; return False if no keyring does that in time."""

    def work() -> bool:
        backend = _backend()
        if backend is None:
            return False
        backend.set_password(_SERVICE, name, secret)
        return backend.get_password(_SERVICE, name) == secret

    return _in_time(work) is True


def get(name: str) -> str | None:
    """Return the secret with this name; None if there is none, or it did not come in time."""

    def work() -> str | None:
        backend = _backend()
        return backend.get_password(_SERVICE, name) if backend else None

    return _in_time(work)


def delete(name: str) -> None:
    """Delete a secret, if a keyring has it."""

    def work() -> None:
        backend = _backend()
        if backend is not None:
            backend.delete_password(_SERVICE, name)

    _in_time(work)


def _backend() -> KeyringBackend | None:
    import keyring

    backend = keyring.get_keyring()
    # Backends below 1 refuse everything or keep secrets in plain text.
    return backend if backend.priority >= 1 else None


def _in_time(work: Callable[[], T]) -> T | None:
    """Call `work` in a thread that may be abandoned; return None if it fails or takes too long."""
    results: queue.SimpleQueue[T] = queue.SimpleQueue()

    def run() -> None:
        # Backends raise errors of many kinds: of D-Bus, of the system, their own.
        with contextlib.suppress(Exception):
            results.put(work())

    threading.Thread(target=run, daemon=True).start()
    try:
        return results.get(timeout=TIMEOUT_SECONDS)
    except queue.Empty:
        return None
