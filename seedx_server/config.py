"""The server's settings: read once from the environment and `.env`, then passed in."""

import re
import secrets
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self

import platformdirs
from pydantic import (
    AliasChoices,
    Field,
    SecretStr,
    ValidationError,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from pydantic_settings import SettingsError as UnreadableSetting

MINIMUM_SECRET_BYTES = 32
ORIGIN = re.compile(r"https?://[^\s/?#@*]+/?")
WEB_ADDRESS = re.compile(r"https?://[^\s/?#]+(/[^\s?#]*)?")
PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)*")
SWITCHED_OFF_BY_EMPTY = frozenset({"seedx_ai_fallback"})
"""The names for which an empty value means "none"; elsewhere it means "not set"."""


Price = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class SettingsError(Exception):
    """A setting has a value that cannot be used; the message is one line that names it."""


class Settings(BaseSettings):
    """Every setting of the server. The aliases of the fields are their names in the environment."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_file_encoding="utf-8",
        extra="ignore",
        populate_by_name=True,
        frozen=True,
        hide_input_in_errors=True,
    )

    database_url: SecretStr | None = Field(default=None, validation_alias="DATABASE_URL")
    listen_database_url: SecretStr | None = Field(
        default=None, validation_alias="SEEDX_LISTEN_DATABASE_URL"
    )
    database_pool_size: int = Field(default=10, ge=1, le=200, validation_alias="SEEDX_POOL_SIZE")
    data_dir: Path = Field(
        default_factory=lambda: platformdirs.user_data_path("seedx"),
        validation_alias="SEEDX_DATA_DIR",
    )
    jwt_secret: SecretStr | None = Field(default=None, validation_alias="JWT_SECRET")
    jwt_key: str = Field(default="default", min_length=1, validation_alias="JWT_KEY")
    jwt_retired: Annotated[dict[str, SecretStr], NoDecode] = Field(
        default_factory=dict, validation_alias="JWT_RETIRED"
    )
    expire_minutes: int = Field(default=60, ge=1, le=1_440, validation_alias="EXPIRE_MINUTES")
    refresh_days: int = Field(default=30, ge=1, le=365, validation_alias="SEEDX_REFRESH_DAYS")
    allowed_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=("http://localhost", "http://localhost:3000"), validation_alias="ALLOWED_ORIGINS"
    )
    host: str = Field(default="127.0.0.1", validation_alias="SEEDX_HOST")
    port: int = Field(default=8443, ge=0, le=65_535, validation_alias="SEEDX_PORT")
    api_prefix: str = Field(default="", validation_alias="SEEDX_API_PREFIX")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", validation_alias="SEEDX_LOG_LEVEL"
    )

    ai_provider: str = Field(default="auto", validation_alias="SEEDX_AI_PROVIDER")
    ai_fallback: Annotated[tuple[str, ...], NoDecode] = Field(
        default=("knowledge",), validation_alias="SEEDX_AI_FALLBACK"
    )
    ai_model: str | None = Field(default=None, validation_alias="SEEDX_AI_MODEL")
    ai_base_url: str | None = Field(default=None, validation_alias="SEEDX_AI_BASE_URL")
    ai_api_key: SecretStr | None = Field(default=None, validation_alias="SEEDX_AI_API_KEY")
    groq_api_key: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("GROK_API_KEY", "GROQ_API_KEY")
    )
    groq_base_url: str = Field(
        default="https://api.groq.com",
        validation_alias=AliasChoices("GROK_API_URL", "GROQ_BASE_URL"),
    )
    ai_prompts_dir: Path | None = Field(default=None, validation_alias="SEEDX_AI_PROMPTS_DIR")
    ai_history_tokens: int = Field(
        default=6_000, ge=200, validation_alias="SEEDX_AI_HISTORY_TOKENS"
    )
    ai_first_text_seconds: float = Field(
        default=30, gt=0, le=86_400, validation_alias="SEEDX_AI_FIRST_TEXT_SECONDS"
    )
    ai_silence_seconds: float = Field(
        default=30, gt=0, le=86_400, validation_alias="SEEDX_AI_SILENCE_SECONDS"
    )
    ai_total_seconds: float = Field(
        default=300, gt=0, le=86_400, validation_alias="SEEDX_AI_TOTAL_SECONDS"
    )
    ai_retries: int = Field(default=2, ge=0, le=10, validation_alias="SEEDX_AI_RETRIES")
    ai_lease_seconds: float = Field(
        default=10, gt=0, le=3_600, validation_alias="SEEDX_AI_LEASE_SECONDS"
    )
    ai_words_per_second: float | None = Field(
        default=None, ge=2, le=1_000, validation_alias="SEEDX_AI_WORDS_PER_SECOND"
    )
    """The pace of the built-in provider; None for as fast as it can."""
    ai_concurrency: int = Field(default=16, ge=1, validation_alias="SEEDX_AI_CONCURRENCY")
    ai_runs_per_hour: int = Field(default=60, ge=1, validation_alias="SEEDX_AI_RUNS_PER_HOUR")
    ai_tokens_per_day: int = Field(
        default=1_000_000, ge=1, validation_alias="SEEDX_AI_TOKENS_PER_DAY"
    )
    ai_prices: dict[str, tuple[Price, Price]] = Field(
        default_factory=dict, validation_alias="SEEDX_AI_PRICES"
    )
    """For each model, the price of a million prompt tokens and of a million completion tokens."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Ignore empty values, so that a source of lower priority can supply the setting."""
        sources = super().settings_customise_sources(
            settings_cls, init_settings, env_settings, dotenv_settings, file_secret_settings
        )
        for source in sources:
            if isinstance(source, EnvSettingsSource):
                source.env_vars = {
                    name: value
                    for name, value in source.env_vars.items()
                    if value != "" or name in SWITCHED_OFF_BY_EMPTY
                }
        return sources

    @field_validator("database_url", "listen_database_url")
    @classmethod
    def _is_postgresql(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        scheme, separator, rest = value.get_secret_value().partition("://")
        if not separator or scheme not in {"postgresql", "postgres", "postgresql+psycopg"}:
            raise ValueError("must be a PostgreSQL address such as postgresql://user@host/name")
        return SecretStr(f"postgresql://{rest}")

    @field_validator("jwt_secret")
    @classmethod
    def _is_long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and _is_short(value.get_secret_value()):
            raise ValueError(f"must be {MINIMUM_SECRET_BYTES} bytes or more; {MAKE_ONE}")
        return value

    @field_validator("jwt_retired")
    @classmethod
    def _are_long_enough(cls, value: dict[str, SecretStr]) -> dict[str, SecretStr]:
        for kid, secret in value.items():
            if _is_short(secret.get_secret_value()):
                raise ValueError(
                    f"the secret of {kid!r} must be {MINIMUM_SECRET_BYTES} bytes or more; "
                    "a shorter one can be guessed, so remove it"
                )
        return value

    @field_validator("jwt_retired", mode="before")
    @classmethod
    def _split_retired(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        pairs = [pair.partition("=") for pair in value.split(",") if pair.strip()]
        retired = {kid.strip(): secret.strip() for kid, _, secret in pairs}
        if "" in retired or "" in retired.values():
            raise ValueError("must be pairs such as old=SECRET,older=SECRET")
        return retired

    @field_validator("allowed_origins", "ai_fallback", mode="before")
    @classmethod
    def _split_commas(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(part.strip() for part in value.split(",") if part.strip())

    @field_validator("allowed_origins")
    @classmethod
    def _names_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            if not ORIGIN.fullmatch(origin):
                raise ValueError(f"{origin!r} is not an origin, such as https://example.com")
        return tuple(origin.rstrip("/").lower() for origin in value)

    @field_validator("ai_base_url", "groq_base_url")
    @classmethod
    def _is_web_address(cls, value: str | None) -> str | None:
        if value is not None and not WEB_ADDRESS.fullmatch(value):
            raise ValueError("must be an address such as https://api.example.com")
        return value

    @field_validator("ai_prices", mode="wrap")
    @classmethod
    def _are_pairs(
        cls, value: object, validate: ValidatorFunctionWrapHandler
    ) -> dict[str, tuple[float, float]]:
        try:
            prices: dict[str, tuple[float, float]] = validate(value)
        except ValidationError as error:
            location = error.errors()[0]["loc"]
            whose = f"the price of {location[0]!r}" if location else "it"
            raise ValueError(
                f"{whose} must be two numbers, for a million prompt tokens and for a million "
                f"completion tokens, such as {PRICES_EXAMPLE}"
            ) from None
        return prices

    @field_validator("api_prefix")
    @classmethod
    def _is_path_prefix(cls, value: str) -> str:
        if not PREFIX.fullmatch(value):
            raise ValueError("must start with a slash and not end with one, such as /v1")
        return value

    @model_validator(mode="after")
    def _has_secret_for_its_database(self) -> Self:
        if self.database_url is not None and self.jwt_secret is None:
            raise ValueError(f"JWT_SECRET must be set when DATABASE_URL is; {MAKE_ONE}")
        return self

    @cached_property
    def database(self) -> str:
        """The address of the app's database.

        Raises:
            SettingsError: `DATABASE_URL` is not set; `seedx serve` sets it for the embedded one.
        """
        if self.database_url is None:
            raise SettingsError("DATABASE_URL: the app needs a database; start it with seedx serve")
        return self.database_url.get_secret_value()

    @property
    def listen_database(self) -> str:
        """The address for LISTEN, which cannot go through a pooler in transaction mode."""
        direct = self.listen_database_url
        return direct.get_secret_value() if direct else self.database


PRICES_EXAMPLE = '{"openai/gpt-oss-120b": [0.15, 0.6]}'
MAKE_ONE = 'make one with: python3 -c "import secrets; print(secrets.token_urlsafe(48))"'


def load_settings(**overrides: object) -> Settings:
    """Read the settings from the environment and `.env`.

    Args:
        overrides: Values by field name that win over the environment.

    Raises:
        SettingsError: A setting cannot be used; the message is one line that names it.
    """
    try:
        return Settings(**overrides)  # type: ignore[arg-type]  # Pydantic checks the values
    except ValidationError as error:
        raise SettingsError(_in_one_line(error)) from None
    except UnreadableSetting as error:
        raise SettingsError(_unreadable(error)) from None
    except (OSError, UnicodeError) as error:
        raise SettingsError(f".env: cannot be read: {error}") from None


def _is_short(secret: str) -> bool:
    return len(secret.encode()) < MINIMUM_SECRET_BYTES


def _in_one_line(error: ValidationError) -> str:
    first = error.errors()[0]
    message = str(first["msg"]).removeprefix("Value error, ")
    location = first["loc"]
    if not location:
        return message
    name, *inside = map(str, location)
    return ": ".join([_name_of(name), *inside, message])


def _unreadable(error: UnreadableSetting) -> str:
    # Its message is `error parsing value for field "NAME" from source "…"`.
    field = str(error).partition('"')[2].partition('"')[0]
    example = f", such as {PRICES_EXAMPLE}" if field == "ai_prices" else ""
    return f"{_name_of(field)}: must be JSON{example}"


def _name_of(field: str) -> str:
    """Return what a field is called in the environment."""
    known = Settings.model_fields.get(field)
    alias = known.validation_alias if known else field
    return str(alias.choices[0] if isinstance(alias, AliasChoices) else alias)


def data_dir_secret(data_dir: Path) -> str:
    """Return the signing secret of an embedded database's data folder, created on first use.

    The file is created atomically and with mode 0600, so that two processes that start at the
    same time agree on it.

    Raises:
        SettingsError: The secret in the file is too short.
    """
    path = data_dir / "jwt_secret"
    data_dir.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        _make_secret(path)
    secret = path.read_text().strip()
    if _is_short(secret):
        raise SettingsError(
            f"JWT_SECRET: {path} is damaged; remove it, and everybody has to sign in again"
        )
    return secret


def _make_secret(path: Path) -> None:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    draft.touch(mode=0o600)
    draft.write_text(secrets.token_urlsafe(48))
    # If another process was faster, its secret is the valid one.
    with suppress(FileExistsError):
        path.hardlink_to(draft)
    draft.unlink()
