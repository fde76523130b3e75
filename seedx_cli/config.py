"""Where the client keeps things, which server it talks to, and under which profile.

A profile is a name for a server and an account. The order of precedence
is: an option, the environment, `.env` in the working folder, the profile's setting, the default.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from seedx_cli.errors import SeedXError, UsageError
from seedx_cli.paths import config_directory

DEFAULT_SERVER = "http://127.0.0.1:8443"
DEFAULT_PROFILE = "default"
PROFILE_KEYS = ("server", "email")
GENERAL_KEYS = ("profile", "pager", "editor")
SETTINGS = (*PROFILE_KEYS, *GENERAL_KEYS)
"""What `seedx config` reads and changes."""

_IN_DOTENV = ("SEEDX_URL", "SEEDX_TOKEN", "SEEDX_CONFIG_DIR")


class Choice(NamedTuple):
    """A setting's value and where it came from, for `whoami` and `doctor`."""

    value: str
    source: str


class Config:
    """The settings of this user on this machine.

    A `.env` in the working folder may come with somebody else's files. So it never decides where
    the environment's token is sent, or which program is started.

    Args:
        environment: The process's environment.
        dotenv: The client's settings in `.env`, see `read_dotenv`.
        server: The value of ``--server``.
        profile: The value of ``--profile``.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        dotenv: Mapping[str, str] | None = None,
        server: str | None = None,
        profile: str | None = None,
    ) -> None:
        self._environment = environment
        self._dotenv = {
            name: value for name, value in (dotenv or {}).items() if not environment.get(name)
        }
        self._server_option = server
        self._profile_option = profile

    @property
    def from_dotenv(self) -> list[str]:
        """The names of the settings that `.env` decides."""
        return sorted(self._dotenv)

    @cached_property
    def directory(self) -> Path:
        """The folder of the configuration and the token cache; it need not exist yet."""
        return Path(config_directory({**self._environment, **self._dotenv}))

    @property
    def file(self) -> Path:
        """The configuration file."""
        return self.directory / "config.json"

    @property
    def token(self) -> str | None:
        """The token in ``SEEDX_TOKEN``, which takes precedence over every cached one.

        Raises:
            UsageError: It has characters that no header can carry, or would be sent to a server
                that only `.env` names.
        """
        own = self._environment.get("SEEDX_TOKEN", "").strip()
        token = own or self._dotenv.get("SEEDX_TOKEN", "").strip()
        if not is_token(token):
            raise UsageError("SEEDX_TOKEN is not a token", hint="It is one word of ASCII")
        if own and self._dotenv_chooses_server:
            raise UsageError(
                f"SEEDX_TOKEN of the environment would go to {self.server.value}, which .env in"
                " this folder chooses",
                hint="If you trust that server, name it with --server",
            )
        return token or None

    @property
    def pager(self) -> str | None:
        """The pager; None in a folder that `.env` chooses, since it is a program to start."""
        return None if "SEEDX_CONFIG_DIR" in self._dotenv else self.get("pager")

    @property
    def editor(self) -> str | None:
        """The editor; None in a folder that `.env` chooses, since it is a program to start."""
        return None if "SEEDX_CONFIG_DIR" in self._dotenv else self.get("editor")

    @cached_property
    def profile(self) -> Choice:
        """The name of the profile in use."""
        return _first_given(
            (self._profile_option, "--profile"),
            (self._environment.get("SEEDX_PROFILE"), "SEEDX_PROFILE"),
            (self._stored_text("profile"), str(self.file)),
            (DEFAULT_PROFILE, "default"),
        )

    @cached_property
    def server(self) -> Choice:
        """The server's URL, without a slash at its end.

        Raises:
            UsageError: It is not an http or https URL.
        """
        own = self.get("server")
        asked_for = own if self._profile_option else None
        choice = _first_given(
            (self._server_option, "--server"),
            (asked_for, f"profile {self.profile.value}"),
            (self._environment.get("SEEDX_URL"), "SEEDX_URL"),
            (self._dotenv.get("SEEDX_URL"), "SEEDX_URL in .env"),
            (own, f"profile {self.profile.value}"),
            (DEFAULT_SERVER, "default"),
        )
        return Choice(server_url(choice.value, choice.source), choice.source)

    def get(self, key: str) -> str | None:
        """Return the stored value of a setting, None if it is not set."""
        if key in GENERAL_KEYS:
            return self._stored_text(key)
        profiles = self._stored.get("profiles")
        own = profiles.get(self.profile.value) if isinstance(profiles, dict) else None
        value = own.get(key) if isinstance(own, dict) else None
        return value if isinstance(value, str) else None

    def set(self, key: str, value: str | None) -> None:
        """Store a setting, or remove it with None.

        Raises:
            UsageError: There is no such setting, or the value is not valid.
        """
        check_key(key)
        if key == "server" and value:
            value = server_url(value, "server")
        with locked(self.file):
            stored = read_json(self.file)
            if key in GENERAL_KEYS:
                _set_or_remove(stored, key, value)
            else:
                profiles = stored.setdefault("profiles", {})
                if not isinstance(profiles, dict):
                    raise SeedXError(f"{self.file} is damaged: `profiles` is not an object")
                own = profiles.setdefault(self.profile.value, {})
                if not isinstance(own, dict):
                    raise SeedXError(f"{self.file} is damaged: a profile is not an object")
                _set_or_remove(own, key, value)
            write_private(self.file, json.dumps(stored, indent=2) + "\n")
        self.__dict__.pop("_stored", None)

    @property
    def _dotenv_chooses_server(self) -> bool:
        source = self.server.source
        is_stored = source.startswith("profile ")
        return source == "SEEDX_URL in .env" or (is_stored and "SEEDX_CONFIG_DIR" in self._dotenv)

    @cached_property
    def _stored(self) -> dict[str, object]:
        return read_json(self.file)

    def _stored_text(self, key: str) -> str | None:
        value = self._stored.get(key)
        return value if isinstance(value, str) else None


def check_key(key: str) -> None:
    """Raise a `UsageError` when there is no setting of that name."""
    if key not in SETTINGS:
        raise UsageError(f"There is no setting {key!r}", hint=f"Settings: {', '.join(SETTINGS)}")


def read_dotenv(file: Path) -> dict[str, str]:
    """Return the client's settings in a `.env`, and no other names; empty if there is no file."""
    if not file.is_file():
        return {}
    from dotenv import dotenv_values

    with file.open(encoding="utf-8", errors="replace") as lines:
        # With interpolation, a URL could contain a secret from the environment.
        values = dotenv_values(stream=lines, interpolate=False)
    return {name: value for name in _IN_DOTENV if (value := values.get(name))}


def server_url(text: str, source: str) -> str:
    """Check and normalise a server's URL.

    Raises:
        UsageError: It is not an http or https URL, or carries a password.
    """
    try:
        parts = urlsplit(text.strip())
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or "@" in parts.netloc or parts.query or parts.fragment:
        raise UsageError(
            f"{source}: {text!r} is not a server URL",
            hint=f"It looks like this: {DEFAULT_SERVER} or https://desk.example.com",
        )
    return f"{parts.scheme}://{parts.netloc.lower()}{parts.path.rstrip('/')}"


def is_token(text: str) -> bool:
    """Whether a header can carry the text as a token."""
    return text.isascii() and text.isprintable() and " " not in text


def is_this_machine(url: str) -> bool:
    """Whether a server's URL names the machine that this program runs on."""
    return urlsplit(url).hostname in {"localhost", "127.0.0.1", "::1"}


def read_json(file: Path) -> dict[str, object]:
    """Return the object in a JSON file; empty if there is no file.

    Raises:
        SeedXError: The file cannot be read or is not a JSON object.
    """
    try:
        value = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SeedXError(f"{file} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise SeedXError(f"{file} is damaged: {error}", hint="Repair or delete it") from error
    if not isinstance(value, dict):
        raise SeedXError(f"{file} is damaged: it is not a JSON object", hint="Delete it")
    return value


def write_private(file: Path, text: str) -> None:
    """Replace a file atomically with one that only this user can read, whatever the umask."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold a lock on `file` that other processes respect; it is released if the process dies."""
    import fcntl

    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(file.with_name(f"{file.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _first_given(*candidates: tuple[str | None, str]) -> Choice:
    return next(Choice(value, source) for value, source in candidates if value)


def _set_or_remove(target: dict[str, object], key: str, value: str | None) -> None:
    if value:
        target[key] = value
    else:
        target.pop(key, None)
