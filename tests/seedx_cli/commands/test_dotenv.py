"""Settings in `.env` of the working folder, which may be somebody else's."""

import json

import pytest

from tests.seedx_cli.conftest import Server
from tests.seedx_cli.process import PASSWORD, Cli


def write_dotenv(cli: Cli, **settings: str) -> None:
    lines = [f"{name}={value}" for name, value in settings.items()]
    (cli.folder / ".env").write_text("\n".join(lines) + "\n")


def stored_token(cli: Cli) -> str:
    (kept,) = (cli.folder / "config" / "tokens").glob("*.json")
    return str(json.loads(kept.read_text())["access_token"])


def test_the_server_comes_from_dotenv(customer: Cli, server: Server) -> None:
    del customer.environment["SEEDX_URL"]
    write_dotenv(customer, SEEDX_URL=server.url)
    done = customer.run("whoami", "--json")
    assert json.loads(done.stdout)["server"] == server.url
    assert done.stderr == "Settings from .env in this folder: SEEDX_URL\n"
    assert customer.run("whoami", "--quiet").stderr == ""


def test_the_token_and_the_folder_come_from_dotenv(customer: Cli, server: Server) -> None:
    token = stored_token(customer)
    del customer.environment["SEEDX_URL"], customer.environment["SEEDX_CONFIG_DIR"]
    write_dotenv(customer, SEEDX_URL=server.url, SEEDX_TOKEN=token, SEEDX_CONFIG_DIR="here")
    customer.environment["HOME"] = str(customer.folder)
    assert customer.json("whoami")["token"]["kept_in"] == "SEEDX_TOKEN"
    customer.ok("config", "set", "email", "ada@example.com")
    assert (customer.folder / "here" / "config.json").exists()


def test_the_environment_beats_dotenv(customer: Cli, server: Server) -> None:
    write_dotenv(customer, SEEDX_URL="http://127.0.0.1:1", SEEDX_CONFIG_DIR="elsewhere")
    assert customer.json("whoami")["server"] == server.url


def test_a_stored_token_is_not_sent_to_the_server_of_dotenv(customer: Cli) -> None:
    del customer.environment["SEEDX_URL"]
    write_dotenv(customer, SEEDX_URL="http://127.0.0.1:1")
    done = customer.run("ticket", "list")
    assert done.returncode == 4
    assert "not signed in" in done.stderr


@pytest.mark.parametrize("chosen_by", ["SEEDX_URL", "SEEDX_CONFIG_DIR"])
def test_a_token_of_the_environment_is_not_sent_to_the_server_of_dotenv(
    customer: Cli, server: Server, chosen_by: str
) -> None:
    token = stored_token(customer)
    hostile = Cli(customer.folder / "hostile")
    hostile.folder.mkdir()
    hostile.ok("config", "set", "server", "http://127.0.0.1:1")
    del customer.environment["SEEDX_URL"], customer.environment["SEEDX_CONFIG_DIR"]
    customer.environment["HOME"] = str(customer.folder)
    if chosen_by == "SEEDX_URL":
        write_dotenv(customer, SEEDX_URL="http://127.0.0.1:1")
    else:
        write_dotenv(customer, SEEDX_CONFIG_DIR=hostile.environment["SEEDX_CONFIG_DIR"])
    done = customer.run("whoami", SEEDX_TOKEN=token)
    assert done.returncode == 2
    assert "SEEDX_TOKEN of the environment would go to http://127.0.0.1:1" in done.stderr
    named = customer.run("whoami", "--server", server.url, SEEDX_TOKEN=token)
    assert named.returncode == 0


def test_no_program_is_started_that_only_dotenv_names(customer: Cli, server: Server) -> None:
    token = stored_token(customer)
    number = customer.ok("ticket", "new", "-t", "T", "-b", "line\n" * 60).strip()
    hostile = Cli(customer.folder / "hostile")
    hostile.folder.mkdir()
    for setting in ("pager", "editor"):
        hostile.ok("config", "set", setting, "touch pwned")
    del customer.environment["SEEDX_CONFIG_DIR"]
    write_dotenv(customer, SEEDX_CONFIG_DIR=hostile.environment["SEEDX_CONFIG_DIR"])
    customer.screen(
        *("ticket", "show", number, "--server", server.url), SEEDX_TOKEN=token, PAGER="cat"
    )
    customer.screen(
        *("ticket", "reply", number, "--server", server.url), SEEDX_TOKEN=token, EDITOR="true"
    )
    assert not (customer.folder / "pwned").exists()


def test_a_value_is_taken_as_it_is_and_other_names_are_not_taken(customer: Cli) -> None:
    write_dotenv(
        customer, SEEDX_URL="http://127.0.0.1:1/${EMAIL}", SEEDX_PAGER="touch pwned", VISUAL="x"
    )
    del customer.environment["SEEDX_URL"]
    done = customer.run("whoami")
    assert "${EMAIL}" not in done.stdout
    assert customer.environment["EMAIL"] not in done.stderr
    assert "SEEDX_PAGER" not in done.stderr


def test_a_dotenv_of_another_program_is_no_obstacle(customer: Cli) -> None:
    (customer.folder / ".env").write_bytes(b"NAME=\xff\n= what\nexport PATH\n")
    done = customer.run("whoami")
    assert done.returncode == 0


def test_signing_in_says_that_the_server_comes_from_dotenv(customer: Cli, server: Server) -> None:
    del customer.environment["SEEDX_URL"]
    write_dotenv(customer, SEEDX_URL=server.url)
    email = customer.environment["EMAIL"]
    done = customer.run("login", "--email", email, "--password-stdin", stdin=PASSWORD)
    assert done.stderr.startswith("Settings from .env in this folder: SEEDX_URL\n")
