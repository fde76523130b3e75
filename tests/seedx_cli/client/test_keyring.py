"""The refresh token in the system's keyring."""

import json
from pathlib import Path

from tests.seedx_cli.process import PASSWORD, Cli


def sign_up(cli: Cli, backend: str) -> Path:
    """Sign up with a keyring, and give the token file."""
    cli.environment["PYTHON_KEYRING_BACKEND"] = f"tests.seedx_cli.keyrings.{backend}"
    cli.environment["TEST_KEYRING"] = str(cli.folder / "keyring.json")
    email = f"ada-{cli.folder.name.replace('_', '-')}@example.com"
    cli.ok("signup", "--name", "Ada", "--email", email, "--password-stdin", stdin=PASSWORD)
    (kept,) = (cli.folder / "config" / "tokens").glob("*.json")
    return kept


def test_the_long_lived_token_is_in_the_keyring_alone(newcomer: Cli) -> None:
    kept = json.loads(sign_up(newcomer, "FileKeyring").read_text())
    assert kept["refresh_token"] is None
    assert kept["kept_in"] == "keyring"
    assert newcomer.json("whoami")["token"]["kept_in"] == "keyring"


def test_a_session_is_renewed_through_the_keyring(newcomer: Cli) -> None:
    file = sign_up(newcomer, "FileKeyring")
    for _ in range(2):
        file.write_text(json.dumps({**json.loads(file.read_text()), "expires_at": 1.0}))
        newcomer.ok("ticket", "list")
        assert json.loads(file.read_text())["refresh_token"] is None


def test_signing_out_empties_the_keyring(newcomer: Cli) -> None:
    sign_up(newcomer, "FileKeyring")
    newcomer.ok("logout")
    assert json.loads((newcomer.folder / "keyring.json").read_text()) == {}


def test_a_keyring_that_hangs_is_done_without(newcomer: Cli) -> None:
    kept = json.loads(sign_up(newcomer, "LockedKeyring").read_text())
    assert kept["kept_in"] == "file"
    assert kept["refresh_token"]
