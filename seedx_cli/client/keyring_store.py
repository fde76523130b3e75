"""Secrets in the system's keyring, where there is one that responds.

On a machine without a desktop a keyring often waits for somebody to unlock it, for ever. So each
call has three seconds; after that the caller keeps the secret in a file of its own.
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
    """Keep a secret, and read it back; return False where no keyring does that in time."""

    def work() -> bool:
        backend = _backend()
        if backend is None:
            return False
        backend.set_password(_SERVICE, name, secret)
        return backend.get_password(_SERVICE, name) == secret

    return _in_time(work) is True


def get(name: str) -> str | None:
    """Return the secret of a name; None where there is none, or not in time."""

    def work() -> str | None:
        backend = _backend()
        return backend.get_password(_SERVICE, name) if backend else None

    return _in_time(work)


def delete(name: str) -> None:
    """Delete a secret, where there is a keyring that has it."""

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
    """Work in a thread that may be left behind; return None where it fails or takes too long."""
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
