"""What keeps a server from starting, as the command line tells it."""

import json
import re
import socket
import uuid

import psycopg
import pytest

from tests.conftest import address_of, database
from tests.seedx_cli.conftest import Server
from tests.seedx_cli.process import Cli, rest_of, seen_until


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
    assert f"Port {port} of 127.0.0.1 is in use by another program." in done.stderr
    assert "Errno" not in done.stderr
    assert f"seedx serve --port {port + 1 if port < 65535 else port - 1}" in done.stderr


@pytest.mark.parametrize("host", ["nohost.invalid", "192.0.2.1", "a..b", "::ffff"])
@pytest.mark.parametrize("given_by", ["SEEDX_HOST", "--host"])
def test_a_host_that_is_not_this_machine_is_named_by_its_setting(
    cli: Cli, server: Server, host: str, given_by: str
) -> None:
    cli.environment |= server.environment
    if given_by == "--host":
        done = cli.run("serve", "--port", "0", "--host", host)
    else:
        done = cli.run("serve", "--port", "0", SEEDX_HOST=host)
    assert done.returncode == 2
    assert f"{given_by}: {host} is not an address of this machine" in done.stderr
    assert "127.0.0.1" in done.stderr


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
def test_an_address_of_ipv6_is_a_url(cli: Cli, server: Server) -> None:
    cli.environment |= server.environment
    child = cli.spawn("serve", "--host", "::1", "--port", "0")
    said = seen_until(child, "API pages")
    child.terminate()
    rest_of(child)
    assert re.search(rb"SeedX answers at http://\[::1\]:\d+ ", said)


def test_a_database_of_a_newer_version_is_refused(
    cli: Cli, server: Server, database_url: str
) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    cli.environment |= {**server.environment, "DATABASE_URL": database_url}

    for words in (("serve", "--port", "0"), ("db", "upgrade")):
        done = cli.run(*words)
        assert done.returncode == 1
        assert "the schema of a newer version of SeedX (revision 9999)" in done.stderr
        assert "Install that version" in done.stderr
        assert "seedx db upgrade" not in done.stderr

    checks = json.loads(cli.run("doctor", "--json", SEEDX_URL="http://127.0.0.1:9").stdout)
    (database,) = [check for check in checks if check["name"] == "database"]
    assert database["status"] == "failed"
    assert "newer version of SeedX" in database["detail"]


def test_a_database_of_another_program_is_refused(
    cli: Cli, server: Server, postgres: psycopg.Connection, postgres_url: str
) -> None:
    name = f"seedx_foreign_{uuid.uuid4().hex}"
    with database(postgres, name, template="template0"):
        address = address_of(postgres_url, name)
        with psycopg.connect(address) as connection:
            connection.execute("CREATE TABLE users (id int)")
        cli.environment |= {**server.environment, "DATABASE_URL": address}

        done = cli.run("serve", "--port", "0")

    assert done.returncode == 1
    assert "already holds tables that are not SeedX's" in done.stderr
    assert "CREATE DATABASE seedx" in done.stderr
