"""What a command works with: the terminal, the API, the configuration and the time.

Each part is created when it is first used, so that a command pays for what it needs and a test
can pass in its own.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from seedx_cli.config import Config, read_dotenv
from seedx_cli.terminal.terminal import Terminal

if TYPE_CHECKING:
    from datetime import datetime

    from seedx_cli.client import Client
    from seedx_cli.client.session import Session


# `serve` and `db` work on this machine; they refuse `--server`.
_COMMAND = re.compile(r"\bseedx (?!(?:serve|db)\b).+$", re.MULTILINE)


class Shared(NamedTuple):
    """The options that every command takes."""

    json: bool = False
    server: str | None = None
    profile: str | None = None
    quiet: bool = False

    def add_to_commands(self, hint: str) -> str:
        """Add these options to a hint's commands, each of which is at the end of a line."""
        named = {"--server": self.server, "--profile": self.profile}
        options = "".join(
            f" {option} {shlex.quote(value)}" for option, value in named.items() if value
        )
        return _COMMAND.sub(lambda command: command.group() + options, hint)


class Context:
    """The parts that a command uses, created on first use.

    Args:
        shared: The options every command takes.
        environment: The process's environment.
        io: The terminal, if not the process's own.
    """

    def __init__(
        self,
        shared: Shared,
        environment: Mapping[str, str] = os.environ,
        io: Terminal | None = None,
    ) -> None:
        self.shared = shared
        self.environment = environment
        self.io = io or Terminal(
            sys.stdin,
            sys.stdout,
            sys.stderr,
            environment=environment,
            json=shared.json,
            quiet=shared.quiet,
        )

    @cached_property
    def config(self) -> Config:
        """The settings of this user."""
        config = Config(
            self.environment,
            dotenv=read_dotenv(Path(".env")),
            server=self.shared.server,
            profile=self.shared.profile,
        )
        if config.from_dotenv:
            self.io.note(
                f"Settings from .env in this folder: {', '.join(config.from_dotenv)}", "dim"
            )
        return config

    @cached_property
    def session(self) -> Session:
        """The tokens: ``SEEDX_TOKEN``, or those cached for this server and profile."""
        from seedx_cli.client.session import MemorySession, StoredSession

        if self.config.token:
            return MemorySession(self.config.token, kept_in="SEEDX_TOKEN")
        config = self.config
        return StoredSession(config.directory, config.server.value, config.profile.value)

    @cached_property
    def api(self) -> Client:
        """The server."""
        from seedx_cli.client import Client

        return Client(self.config.server.value, session=self.session, wait=self.io.wait)

    def now(self) -> datetime:
        """Return the current time, in UTC."""
        from datetime import UTC, datetime

        return datetime.now(UTC)

    def close(self) -> None:
        """Close what was opened."""
        if "api" in self.__dict__:
            self.api.close()
