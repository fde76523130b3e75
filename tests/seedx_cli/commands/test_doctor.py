"""What `seedx doctor` finds."""

import json
from pathlib import Path

import psycopg

from seedx_cli.local.server import free_port, running
from tests.conftest import address_of, database
from tests.seedx_cli.conftest import Server
from tests.seedx_cli.process import Cli


def finding(cli: Cli, name: str) -> tuple[str, str]:
    """What `doctor` says of one part: its status and why."""
    findings = json.loads(cli.run("doctor", "--json").stdout)
    (found,) = [entry for entry in findings if entry["name"] == name]
    return found["status"], found["detail"]


def test_a_server_that_is_ready_is_healthy(newcomer: Cli, server: Server) -> None:
    assert finding(newcomer, "server") == ("ok", f"{server.url} (SEEDX_URL) is ready")


def test_a_configuration_folder_that_can_be_created_is_healthy(cli: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "no" / ".config" / "seedx"
    cli.environment["SEEDX_CONFIG_DIR"] = str(folder)

    assert finding(cli, "configuration") == ("ok", f"{folder}, profile default (default)")


def test_a_server_that_cannot_be_reached_is_not(newcomer: Cli) -> None:
    newcomer.environment["SEEDX_URL"] = "http://127.0.0.1:1"
    assert finding(newcomer, "server")[0] == "failed"


def test_a_server_under_a_prefix_is_healthy(
    cli: Cli,
    server: Server,
    *,
    postgres: psycopg.Connection,
    postgres_url: str,
    template: str,
    tmp_path: Path,
) -> None:
    with database(postgres, "seedx_prefixed", template):
        environment = {
            **server.environment,
            "DATABASE_URL": address_of(postgres_url, "seedx_prefixed"),
            "SEEDX_API_PREFIX": "/v1",
        }
        with running(tmp_path, environment, free_port()) as url:
            cli.environment["SEEDX_URL"] = f"{url}/v1"
            assert finding(cli, "server") == ("ok", f"{url}/v1 (SEEDX_URL) is ready")
