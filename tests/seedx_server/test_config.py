"""Settings come from the environment or `.env`; a bad one is named in one line."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from seedx_server.app import create_app
from seedx_server.config import Settings, SettingsError, data_dir_secret, load_settings

SECRET = "a-secret-of-tests-that-is-long-enough"
DATABASE = "postgresql://desk@db.example/desk"


@pytest.fixture(autouse=True)
def no_env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run where there is no `.env` but the test's own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / ".env"


def test_there_are_defaults_for_all_of_them() -> None:
    settings = load_settings()

    assert settings.database_url is None
    assert (settings.host, settings.port) == ("127.0.0.1", 8443)
    assert settings.expire_minutes == 60
    assert settings.jwt_key == "default"
    assert settings.allowed_origins == ("http://localhost", "http://localhost:3000")
    assert settings.groq_base_url == "https://api.groq.com"
    assert settings.ai_provider == "auto"
    assert settings.api_prefix == ""


@pytest.mark.parametrize(
    ("name", "value", "field", "expected"),
    [
        ("SEEDX_HOST", "0.0.0.0", "host", "0.0.0.0"),  # noqa: S104  # a value, nothing listens
        ("SEEDX_PORT", "9000", "port", 9_000),
        ("EXPIRE_MINUTES", "5", "expire_minutes", 5),
        ("ALLOWED_ORIGINS", "https://A.example, ,https://b.example:444/", "allowed_origins", None),
        ("GROK_API_URL", "http://127.0.0.1:9/v1", "groq_base_url", "http://127.0.0.1:9/v1"),
        ("GROQ_BASE_URL", "http://127.0.0.1:9/v1", "groq_base_url", "http://127.0.0.1:9/v1"),
        ("SEEDX_API_PREFIX", "/api/v1", "api_prefix", "/api/v1"),
        ("SEEDX_AI_MODEL", "small", "ai_model", "small"),
        ("SEEDX_PORT", "", "port", 8_443),
    ],
)
def test_they_are_read_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, field: str, expected: object
) -> None:
    monkeypatch.setenv(name, value)

    read = getattr(load_settings(), field)

    assert read == (expected or ("https://a.example", "https://b.example:444"))


class TestAnEmptyValue:
    @pytest.fixture(params=["environment", "file"])
    def set_to(self, request: pytest.FixtureRequest) -> Callable[[str, str], None]:
        """Set a name in the environment or in the file."""
        if request.param == "environment":
            return request.getfixturevalue("monkeypatch").setenv  # type: ignore[no-any-return]  # pytest's
        env_file: Path = request.getfixturevalue("no_env_file")

        def write(name: str, value: str) -> None:
            with env_file.open("a") as file:
                file.write(f"{name}={value}\n")

        return write

    def test_switches_the_fallback_off(self, set_to: Callable[[str, str], None]) -> None:
        set_to("SEEDX_AI_FALLBACK", "")

        assert load_settings().ai_fallback == ()

    def test_of_another_name_counts_as_not_set(self, set_to: Callable[[str, str], None]) -> None:
        set_to("GROK_API_KEY", "")
        set_to("GROQ_API_KEY", "gsk-of-the-other-name")
        set_to("SEEDX_AI_PRICES", "")

        key = load_settings().groq_api_key
        assert key is not None
        assert key.get_secret_value() == "gsk-of-the-other-name"

    def test_in_the_environment_leaves_it_to_the_file(
        self, no_env_file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SEEDX_PORT", "")
        monkeypatch.setenv("SEEDX_AI_FALLBACK", "")
        no_env_file.write_text("SEEDX_PORT=9001\nSEEDX_AI_FALLBACK=knowledge\n")

        settings = load_settings()

        assert (settings.port, settings.ai_fallback) == (9_001, ())


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_all_schemes_of_postgresql_work(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    monkeypatch.setenv("DATABASE_URL", f"{scheme}://desk@db.example/desk")
    monkeypatch.setenv("JWT_SECRET", SECRET)

    settings = load_settings()

    assert settings.database == DATABASE
    assert settings.listen_database == DATABASE


def test_listening_may_go_to_the_database_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://desk@pooler/desk")
    monkeypatch.setenv("SEEDX_LISTEN_DATABASE_URL", "postgres://desk@db.example/desk")
    monkeypatch.setenv("JWT_SECRET", SECRET)

    assert load_settings().listen_database == DATABASE


def test_retired_secrets_are_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JWT_RETIRED", f"2025={SECRET}=, 2024 = {SECRET}")

    retired = load_settings().jwt_retired

    assert {kid: secret.get_secret_value() for kid, secret in retired.items()} == {
        "2025": f"{SECRET}=",
        "2024": SECRET,
    }


class TestTheEnvFile:
    def test_is_read(self, no_env_file: Path) -> None:
        no_env_file.write_text('# the desk\nSEEDX_PORT=9001\nSEEDX_AI_MODEL="größer"\nOTHER=x\n')

        settings = load_settings()

        assert (settings.port, settings.ai_model) == (9_001, "größer")

    def test_gives_way_to_the_environment(
        self, no_env_file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        no_env_file.write_text("SEEDX_PORT=9001\n")
        monkeypatch.setenv("SEEDX_PORT", "9002")

        assert load_settings().port == 9_002

    def test_with_a_bad_value_is_named_by_the_setting(self, no_env_file: Path) -> None:
        no_env_file.write_text("SEEDX_PORT=often\n")

        with pytest.raises(SettingsError, match=r"^SEEDX_PORT: "):
            load_settings()

    def test_that_is_no_text_is_said_to_be_unreadable(self, no_env_file: Path) -> None:
        no_env_file.write_bytes(b"\xff\xfe=1\n")

        with pytest.raises(SettingsError, match=r"^\.env: cannot be read"):
            load_settings()


@pytest.mark.parametrize(
    ("name", "value", "right"),
    [
        ("DATABASE_URL", "mysql://desk@db/desk", "postgresql://user@host/name"),
        ("DATABASE_URL", "desk.sqlite", "postgresql://user@host/name"),
        ("SEEDX_LISTEN_DATABASE_URL", "http://db", "postgresql://user@host/name"),
        ("JWT_SECRET", "short", "32 bytes or more; make one with: python3"),
        ("JWT_SECRET", "x" * 31, "32 bytes or more; make one with: python3"),
        ("JWT_RETIRED", "old", "old=SECRET,older=SECRET"),
        ("JWT_RETIRED", f"={SECRET}", "old=SECRET,older=SECRET"),
        ("JWT_RETIRED", "old=short", "32 bytes or more"),
        ("EXPIRE_MINUTES", "0", "greater than or equal to 1"),
        ("EXPIRE_MINUTES", "soon", "valid integer"),
        ("EXPIRE_MINUTES", "9" * 30, "less than or equal to 1440"),
        ("SEEDX_PORT", "65536", "less than or equal to 65535"),
        ("SEEDX_PORT", "-1", "greater than or equal to 0"),
        ("SEEDX_PORT", "http", "valid integer"),
        ("ALLOWED_ORIGINS", "*", "https://example.com"),
        ("ALLOWED_ORIGINS", "https://*.example", "https://example.com"),
        ("ALLOWED_ORIGINS", "localhost", "https://example.com"),
        ("ALLOWED_ORIGINS", "https://ok.example,https://a.example/path", "https://example.com"),
        ("SEEDX_API_PREFIX", "v1", "such as /v1"),
        ("SEEDX_API_PREFIX", "/v1/", "such as /v1"),
        ("SEEDX_API_PREFIX", "/{x}", "such as /v1"),
        ("SEEDX_LOG_LEVEL", "loud", "'debug', 'info', 'warning' or 'error'"),
        ("SEEDX_POOL_SIZE", "0", "greater than or equal to 1"),
        ("SEEDX_AI_BASE_URL", "localhost:11434", "https://api.example.com"),
        ("GROK_API_URL", "api.groq.com", "https://api.example.com"),
        ("SEEDX_AI_LEASE_SECONDS", "inf", "less than or equal to 3600"),
        ("SEEDX_AI_LEASE_SECONDS", "nan", "less than or equal to 3600"),
        ("SEEDX_AI_TOTAL_SECONDS", "0", "greater than 0"),
        ("SEEDX_AI_PRICES", "cheap", 'JSON, such as {"openai/gpt-oss-120b": [0.15, 0.6]}'),
        ("SEEDX_AI_PRICES", '{"small": [1]}', "the price of 'small' must be two numbers"),
        ("SEEDX_AI_PRICES", '{"small": [1, "much"]}', "the price of 'small' must be two numbers"),
        ("SEEDX_AI_PRICES", '{"small": [1, -1]}', "the price of 'small' must be two numbers"),
        ("SEEDX_AI_PRICES", "[1, 2]", "two numbers, for a million prompt tokens and"),
        ("SEEDX_AI_HISTORY_TOKENS", "199", "greater than or equal to 200"),
    ],
)
def test_a_bad_value_is_one_line_that_names_it_and_says_what_is_right(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, right: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError) as refusal:
        load_settings()

    message = str(refusal.value)
    assert message.startswith(f"{name}: ")
    assert right in message
    assert "\n" not in message


def test_a_database_of_ones_own_needs_a_secret_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", DATABASE)

    with pytest.raises(SettingsError) as refusal:
        load_settings()

    assert str(refusal.value).startswith("JWT_SECRET must be set when DATABASE_URL is; make one")


def test_no_secret_shows_in_an_error_or_in_the_settings_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://desk:hunter2@db/desk")
    with pytest.raises(SettingsError) as refusal:
        load_settings()
    assert "hunter2" not in str(refusal.value)

    secrets = {
        "DATABASE_URL": "postgresql://desk:hunter2@db/desk",
        "JWT_SECRET": f"hunter2-{SECRET}",
        "JWT_RETIRED": f"old=hunter2-{SECRET}",
        "GROK_API_KEY": "hunter2",
        "SEEDX_AI_API_KEY": "hunter2",
    }
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    assert "hunter2" not in f"{load_settings()!r} {load_settings()!s}"


def test_an_app_without_a_database_is_not_made() -> None:
    with pytest.raises(SettingsError, match=r"^DATABASE_URL: "):
        create_app(load_settings())


def test_settings_do_not_change() -> None:
    settings = load_settings()

    with pytest.raises(ValueError, match="frozen"):
        settings.port = 1  # type: ignore[misc]  # that is what is shown

    assert isinstance(settings, Settings)


class TestTheSecretOfADataFolder:
    def test_is_made_once_for_its_owner_alone(self, tmp_path: Path) -> None:
        folder = tmp_path / "new" / "data"

        secret = data_dir_secret(folder)

        assert len(secret.encode()) >= 32
        assert data_dir_secret(folder) == secret
        assert (folder / "jwt_secret").stat().st_mode & 0o777 == 0o600
        assert [path.name for path in folder.iterdir()] == ["jwt_secret"]

    def test_is_the_same_for_all_that_start_at_once(self, tmp_path: Path) -> None:
        start = threading.Barrier(8)
        found: list[str] = []

        def read() -> None:
            start.wait()
            found.append(data_dir_secret(tmp_path))

        threads = [threading.Thread(target=read) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len(found) == 8
        assert len(set(found)) == 1

    @pytest.mark.parametrize("damage", ["", "\n", "too short"])
    def test_that_is_damaged_is_not_used(self, tmp_path: Path, damage: str) -> None:
        (tmp_path / "jwt_secret").write_text(damage)

        with pytest.raises(SettingsError, match=r"^JWT_SECRET: .* is damaged"):
            data_dir_secret(tmp_path)
