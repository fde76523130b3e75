"""Identifies the machine and container in which this process's id is valid."""

import contextlib
import os
import sys
from pathlib import Path

from seedx_server.infrastructure.embedded.cluster import EmbeddedPostgresError

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_PID_NAMESPACE = Path("/proc/self/ns/pid")
_OWN_PROCESS = Path("/proc/self")


def current_place() -> str:
    """Return a line that is the same for all processes that can see each other by their ids.

    On Linux these are the processes of one PID namespace (pid_namespaces(7)) since one start of
    the machine. Other systems have no such namespaces: the line is empty.
    """
    if sys.platform != "linux":
        return ""
    boot_id = ""
    with contextlib.suppress(OSError):
        boot_id = _BOOT_ID.read_text().strip()
    return f"{boot_id} {_PID_NAMESPACE.readlink()}"


def require_processes_visible() -> None:
    """Check that /proc shows the processes of this PID namespace.

    Raises:
        EmbeddedPostgresError: /proc is not mounted, or belongs to another namespace.
    """
    if sys.platform != "linux":
        return
    try:
        own = _OWN_PROCESS.readlink().name
    except OSError:
        own = ""
    if own != str(os.getpid()):
        raise EmbeddedPostgresError(
            "The embedded PostgreSQL needs /proc, which is not mounted here or belongs to another "
            "PID namespace. Run: mount -t proc proc /proc, or set DATABASE_URL to the address of a "
            "PostgreSQL server."
        )
