"""Settings: what counts, and where it is kept."""

import stat
from pathlib import Path

import platformdirs
import pytest

from seedx_cli.config import Config, server_url, write_private
from seedx_cli.errors import SeedXError, UsageError
from seedx_cli.paths import config_directory
from tests.seedx_cli.process import Cli


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {"SEEDX_CONFIG_DIR": str(tmp_path)}


def test_the_folder_is_the_platforms_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for base in (None, "/somewhere/config"):
        environment = {"HOME": "/home/ada"}
        monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
        if base:
            environment["XDG_CONFIG_HOME"] = base
            monkeypatch.setenv("XDG_CONFIG_HOME", base)
        assert config_directory(environment) == platformdirs.user_config_dir("seedx")


def test_the_nearest_server_wins(environment: dict[str, str]) -> None:
    assert Config(environment).server.value == "http://127.0.0.1:8443"
    Config(environment).set("server", "https://kept.example.com/")
    assert Config(environment).server.value == "https://kept.example.com"
    environment["SEEDX_URL"] = "https://env.example.com"
    assert Config(environment).server.source == "SEEDX_URL"
    chosen = Config(environment, server="HTTPS://Option.Example.com/desk/")
    assert chosen.server.value == "https://option.example.com/desk"


def test_a_profile_that_is_named_beats_the_environments_server(environment: dict[str, str]) -> None:
    Config(environment, profile="work").set("server", "https://work.example.com")
    environment["SEEDX_URL"] = "https://env.example.com"
    assert Config(environment, profile="work").server.value == "https://work.example.com"
    assert Config(environment).server.value == "https://env.example.com"


def test_the_profile_comes_from_option_environment_or_file(environment: dict[str, str]) -> None:
    Config(environment).set("profile", "kept")
    assert Config(environment).profile.value == "kept"
    environment["SEEDX_PROFILE"] = "env"
    assert Config(environment).profile.value == "env"
    assert Config(environment, profile="option").profile.value == "option"


@pytest.mark.parametrize(
    "url", ["", "desk", "ftp://x", "http://", "https://a:b@c", "http://x:70000", "http://x?y=1"]
)
def test_what_is_no_server_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="not a server URL"):
        server_url(url, "--server")


def test_a_damaged_file_says_which(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(SeedXError, match=r"config\.json is damaged"):
        _ = Config(environment).server


def test_files_are_private_whatever_the_umask_and_never_half_written(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "secret"
    write_private(file, "one")
    write_private(file, "two")
    assert file.read_text() == "two"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["secret"]


def test_settings_by_command(cli: Cli) -> None:
    cli.ok("config", "set", "email", "ada@example.com")
    assert cli.ok("config", "get", "email") == "ada@example.com\n"
    assert cli.json("config", "list")["email"] == "ada@example.com"
    cli.ok("config", "unset", "email")
    assert cli.run("config", "get", "email").returncode == 1
