"""Which providers the settings choose."""

import logging

import pytest

from seedx_server.ai.providers.protocol import ProviderError
from seedx_server.ai.providers.registry import configured, make_provider
from seedx_server.config import SettingsError, load_settings


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GROK_API_KEY", "GROQ_API_KEY", "SEEDX_AI_BASE_URL", "SEEDX_AI_PROVIDER"):
        monkeypatch.delenv(name, raising=False)


async def names(**settings: object) -> list[str]:
    providers = configured(load_settings(**settings))
    for provider in providers:
        await provider.aclose()
    return [provider.name for provider in providers]


async def test_auto_takes_what_there_are_settings_for() -> None:
    assert await names() == ["knowledge"]
    assert await names(groq_api_key="gsk") == ["groq", "knowledge"]
    assert await names(ai_base_url="http://localhost:1/v1") == ["openai", "knowledge"]
    both = {"groq_api_key": "gsk", "ai_base_url": "http://localhost:1/v1"}
    assert await names(**both) == ["groq", "knowledge"]


async def test_fallbacks_come_in_their_order_and_once() -> None:
    assert await names(
        groq_api_key="gsk",
        ai_base_url="http://localhost:1/v1",
        ai_provider="openai",
        ai_fallback=("groq", "openai", "groq", "knowledge"),
    ) == ["openai", "groq", "knowledge"]
    assert await names(groq_api_key="gsk", ai_fallback=()) == ["groq"]


async def test_a_fallback_without_its_settings_is_left_out_and_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    assert await names(ai_fallback=("groq", "openai")) == ["knowledge"]
    assert "GROK_API_KEY" in caplog.text
    assert "SEEDX_AI_BASE_URL" in caplog.text


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"ai_provider": "groq"}, "GROK_API_KEY"),
        ({"ai_provider": "openai"}, "SEEDX_AI_BASE_URL"),
        (
            {"ai_provider": "oracle"},
            "PROVIDER: there is no provider 'oracle'; known: groq, knowledge, openai",
        ),
        (
            {"ai_fallback": ("oracle",)},
            "FALLBACK: there is no provider 'oracle'; known: groq, knowledge, openai",
        ),
        ({"groq_api_key": "gsk 1\n2"}, "GROK_API_KEY"),
        ({"groq_api_key": "gsk", "groq_base_url": "api.groq.com"}, "GROK_API_URL"),
        ({"ai_base_url": "ftp://localhost"}, "SEEDX_AI_BASE_URL"),
        ({"ai_base_url": "http://"}, "SEEDX_AI_BASE_URL"),
        ({"ai_base_url": "http://me:secret-canary@localhost"}, "SEEDX_AI_BASE_URL"),
        ({"ai_base_url": "http://localhost", "ai_api_key": "küy"}, "SEEDX_AI_API_KEY"),
    ],
)
def test_a_choice_that_cannot_be_made_stops_the_start(
    settings: dict[str, object], words: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        configured(load_settings(**settings))
    assert words in str(caught.value)
    assert "secret-canary" not in str(caught.value)


def test_a_provider_that_lacks_a_setting_says_which() -> None:
    with pytest.raises(ProviderError) as caught:
        make_provider("groq", load_settings())
    assert "GROK_API_KEY" in caught.value.detail
