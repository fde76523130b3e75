"""The system's keyring, where there is one that answers.

A keyring on a machine without a desktop often waits for ever for somebody to unlock it. So each
call has three seconds; after that the caller keeps the secret in its own file.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

PATIENCE_SECONDS = 3.0
_SERVICE = "seedx"

T = TypeVar("T")


def put(name: str, secret: str) -> bool:
    """Keep a secret and read it back; False where no keyring does that in time."""

    def work() -> bool:
        backend = _backend()
        if backend is None:
            return False
        backend.set_password(_SERVICE, name, secret)
        return backend.get_password(_SERVICE, name) == secret

    return _within(work) is True


def get(name: str) -> str | None:
    """The secret of that name; None where it is not to be had in time."""

    def work() -> str | None:
        backend = _backend()
        return backend.get_password(_SERVICE, name) if backend else None

    return _within(work)


def delete(name: str) -> None:
    """Forget a secret, if the keyring is there and has it."""

    def work() -> None:
        backend = _backend()
        if backend is not None:
            backend.delete_password(_SERVICE, name)

    _within(work)


def _backend() -> KeyringBackend | None:
    import keyring

    backend = keyring.get_keyring()
    # Below 1 are the backends that refuse everything or keep secrets in plain text.
    return backend if backend.priority >= 1 else None


def _within(work: Callable[[], T]) -> T | None:
    """Do it in a thread that may be left behind; None when it fails or takes too long."""
    answers: queue.SimpleQueue[T] = queue.SimpleQueue()

    def run() -> None:
        # Backends raise what they like: D-Bus errors, their own, the system's.
        with contextlib.suppress(Exception):
            answers.put(work())

    threading.Thread(target=run, daemon=True).start()
    try:
        return answers.get(timeout=PATIENCE_SECONDS)
    except queue.Empty:
        return None
