"""Accounts on the command line."""

import stat
from pathlib import Path

from tests.seedx_cli.conftest import Server
from tests.seedx_cli.process import PASSWORD, Cli


def token_files(cli: Cli) -> list[Path]:
    return sorted((cli.folder / "config" / "tokens").glob("*.json"))


def test_signing_up_signs_in_and_keeps_the_token_for_this_user_alone(customer: Cli) -> None:
    (kept,) = token_files(customer)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    assert customer.environment["EMAIL"] in customer.ok("whoami")


def test_whoami_tells_server_role_and_where_the_token_is(customer: Cli, server: Server) -> None:
    known = customer.json("whoami")
    assert known["server"] == server.url
    assert known["role"] == "customer"
    assert known["token"]["kept_in"] == "file"
    assert known["token"]["expires_at"].endswith("Z")


def test_whoami_without_a_session_says_how_to_sign_in(newcomer: Cli) -> None:
    done = newcomer.run("whoami")
    assert done.returncode == 4
    assert "seedx login" in done.stderr


def test_logout_ends_the_session_on_the_server_too(customer: Cli) -> None:
    (kept,) = token_files(customer)
    copy = kept.read_text()
    customer.ok("logout")
    assert token_files(customer) == []
    kept.write_text(copy)
    assert customer.run("ticket", "list").returncode == 4


def test_signing_out_under_json_is_a_document(customer: Cli, server: Server) -> None:
    assert customer.json("logout") == {"server": server.url, "was_signed_in": True}
    assert customer.json("logout") == {"server": server.url, "was_signed_in": False}


def test_a_wrong_password_is_refused_in_plain_words(customer: Cli) -> None:
    email = customer.environment["EMAIL"]
    done = customer.run("login", "--email", email, "--password-stdin", stdin="not the password")
    assert done.returncode == 4
    assert "wrong" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_weak_password_names_the_field(newcomer: Cli) -> None:
    done = newcomer.run(
        "signup", "--name", "A", "--email", "a@example.com", "--password-stdin", stdin="short"
    )
    assert done.returncode == 2
    assert "password" in done.stderr


def test_nothing_prompts_without_a_terminal(newcomer: Cli) -> None:
    done = newcomer.run("login", "--email", "ada@example.com")
    assert done.returncode == 2
    assert "--password-stdin" in done.stderr


def test_a_token_of_the_environment_beats_the_kept_one(customer: Cli) -> None:
    done = customer.run("whoami", SEEDX_TOKEN="not-a-token")
    assert done.returncode == 4
    done = customer.run("login", "--email", "a@example.com", SEEDX_TOKEN="x")
    assert "unset SEEDX_TOKEN" in done.stderr


def test_profiles_hold_accounts_apart(customer: Cli) -> None:
    work = f"work-{customer.environment['EMAIL']}"
    signup = ("signup", "--name", "Bo", "--email", work, "--password-stdin", "--profile", "work")
    customer.ok(*signup, stdin=PASSWORD)
    assert customer.json("whoami")["email"] == customer.environment["EMAIL"]
    assert customer.json("whoami", "--profile", "work")["email"] == work
    assert work in customer.ok("whoami", SEEDX_PROFILE="work")


def test_a_password_is_typed_unseen(customer: Cli) -> None:
    email = customer.environment["EMAIL"]
    screen = customer.screen("login", "--email", email, answers={"Password: ": f"{PASSWORD}\n"})
    assert screen.exit_code == 0
    assert PASSWORD.encode() not in screen.raw
    assert "Signed in" in screen.text


def test_a_new_password_is_typed_twice(newcomer: Cli) -> None:
    answers = {
        "Name: ": "Ada\n",
        "E-mail: ": f"typed-{id(newcomer)}@example.com\n",
        "Password: ": f"{PASSWORD}\n",
        "Repeat the password: ": f"{PASSWORD}\n",
    }
    screen = newcomer.screen("signup", answers=answers)
    assert screen.exit_code == 0
    assert "Signed in" in screen.text


def test_a_hint_names_the_server_and_profile_of_the_command(newcomer: Cli, server: Server) -> None:
    done = newcomer.run("ticket", "list", "--server", server.url, "--profile=work")
    assert done.stderr.endswith(f"seedx login --server {server.url} --profile work\n")


def test_a_server_named_at_sign_in_becomes_the_profiles_own(customer: Cli, server: Server) -> None:
    del customer.environment["SEEDX_URL"]
    email = customer.environment["EMAIL"]
    login = ("login", "--email", email, "--password-stdin", "--server", server.url)
    customer.ok(*login, "--profile", "desk", stdin=PASSWORD)
    assert customer.json("whoami", "--profile", "desk")["server"] == server.url


def test_an_address_that_is_taken_is_told_once(customer: Cli) -> None:
    email = customer.environment["EMAIL"]
    signup = ("signup", "--name", "Ada", "--email", email, "--password-stdin")
    told = customer.run(*signup, "--profile", "new", stdin=PASSWORD).stderr
    assert told.count("Sign in") == 1
    assert told.endswith("\n  seedx login --profile new\n")


def test_a_sign_in_that_is_missing_names_the_server_and_the_profile(newcomer: Cli) -> None:
    server = newcomer.environment["SEEDX_URL"]

    plain = newcomer.run("ticket", "list")
    other = newcomer.run("ticket", "list", SEEDX_PROFILE="bo")

    hint = "  Sign in: seedx login\n"
    assert plain.stderr == f"Error: You are not signed in to {server}\n{hint}"
    assert other.stderr == f"Error: You are not signed in to {server} with the profile bo\n{hint}"
