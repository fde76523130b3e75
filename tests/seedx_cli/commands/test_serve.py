"""What keeps a server from starting, as the command line tells it."""

import socket

import pytest

from tests.seedx_cli.conftest import Server
from tests.seedx_cli.process import Cli


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [
        (("serve",), "DATABASE_URL", "mysql://x"),
        (("serve",), "SEEDX_PORT", "many"),
        (("db", "current"), "DATABASE_URL", "mysql://x"),
    ],
)
def test_a_bad_setting_is_wrong_usage(
    cli: Cli, words: tuple[str, ...], name: str, value: str
) -> None:
    done = cli.run(*words, **{name: value})
    assert done.returncode == 2
    assert name in done.stderr


def test_a_port_that_is_taken_leads_to_the_next_one(cli: Cli, server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        cli.environment |= server.environment
        done = cli.run("serve", "--port", str(port))
    assert done.returncode == 1
    assert f"seedx serve --port {port + 1 if port < 65535 else port - 1}" in done.stderr
