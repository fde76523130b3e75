"""Keyrings for tests; `PYTHON_KEYRING_BACKEND` names one of them."""

import json
import os
import threading
from pathlib import Path

from keyring.backend import KeyringBackend


class FileKeyring(KeyringBackend):
    """A keyring that works; its secrets are in the file that `TEST_KEYRING` names."""

    priority = 5

    def get_password(self, service: str, username: str) -> str | None:
        secrets: dict[str, str] = self._secrets()
        return secrets.get(f"{service} {username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        self._file.write_text(json.dumps({**self._secrets(), f"{service} {username}": password}))

    def delete_password(self, service: str, username: str) -> None:
        kept = self._secrets()
        del kept[f"{service} {username}"]
        self._file.write_text(json.dumps(kept))

    @property
    def _file(self) -> Path:
        return Path(os.environ["TEST_KEYRING"])

    def _secrets(self) -> dict[str, str]:
        if not self._file.exists():
            return {}
        kept: dict[str, str] = json.loads(self._file.read_text())
        return kept


class LockedKeyring(FileKeyring):
    """A keyring that waits for somebody to unlock it, who never comes."""

    def get_password(self, *_: str) -> str | None:
        threading.Event().wait()
        return None

    def set_password(self, *_: str) -> None:
        threading.Event().wait()
