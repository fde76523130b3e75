"""The system account that runs PostgreSQL when SeedX itself is started by root.

PostgreSQL refuses to run as root, so its programs run under an account that owns the cluster
and nothing else.
"""

import logging
import os
import shutil
import stat
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

if sys.platform != "win32":
    import pwd

ACCOUNT_NAME = "seedx-postgres"

_CREATE_SECONDS = 10.0
_POLL_SECONDS = 0.1

_logger = logging.getLogger(__name__)


class ServiceAccountError(Exception):
    """The account cannot be created, or cannot reach what it needs; the message says why."""


@dataclass(frozen=True)
class ServiceAccount:
    """A system user that programs can be run as."""

    uid: int
    gid: int

    def open_path_to(self, folder: Path) -> None:
        """Let the account pass through a folder and its parents, to reach what is inside.

        Only the missing execute bit is set: others can then reach names that they already know,
        but they can neither list nor read the folder.

        Args:
            folder: An absolute path without symbolic links.

        Raises:
            ServiceAccountError: A folder's mode cannot be changed.
        """
        for parent in (folder, *folder.parents):
            status = parent.stat()
            if status.st_mode & stat.S_IXOTH or status.st_uid == self.uid:
                continue
            _logger.info("letting other accounts pass through %s (chmod o+x)", parent)
            try:
                parent.chmod(stat.S_IMODE(status.st_mode) | stat.S_IXOTH)
            except OSError as error:
                raise ServiceAccountError(
                    f"the account {ACCOUNT_NAME} cannot pass through {parent}, and its mode "
                    f"cannot be changed ({error.strerror}); run: chmod o+x {parent}"
                ) from error


def service_account() -> ServiceAccount | None:
    """Return the account to run PostgreSQL as, created when first needed; None unless root.

    Raises:
        ServiceAccountError: The account is missing and cannot be created.
    """
    if os.geteuid() != 0:
        return None
    deadline = time.monotonic() + _CREATE_SECONDS
    while (account := _find_account()) is None:
        problem = _create_account()
        # Another process may hold the lock of the user database, or have been faster.
        if problem and time.monotonic() > deadline:
            raise ServiceAccountError(
                f"PostgreSQL does not run as root, and the account {ACCOUNT_NAME} cannot be "
                f"created ({problem}); create it, start SeedX as another user, or set DATABASE_URL"
            )
        if problem:
            time.sleep(_POLL_SECONDS)
    return account


def _find_account() -> ServiceAccount | None:
    try:
        entry = pwd.getpwnam(ACCOUNT_NAME)
    except KeyError:
        return None
    return ServiceAccount(entry.pw_uid, entry.pw_gid)


def _create_account() -> str:
    """Try to create the account; return what went wrong, or ""."""
    if program := shutil.which("useradd", path=_search_path()):
        command = [program, "--system", "--user-group", "--no-create-home"]
        command += ["--home-dir", "/nonexistent", "--shell", "/bin/false", ACCOUNT_NAME]
    elif program := shutil.which("adduser", path=_search_path()):
        command = [program, "-S", "-D", "-H", "-h", "/nonexistent", "-s", "/bin/false"]
        command += [ACCOUNT_NAME]
    else:
        return "neither useradd nor adduser is installed"
    done = subprocess.run(  # noqa: S603  # a fixed command of the system
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    return done.stderr.strip() if done.returncode else ""


def _search_path() -> str:
    return os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
