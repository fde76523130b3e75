"""Finds the installed providers and makes those that the settings choose."""

import logging
from importlib.metadata import EntryPoint, entry_points
from typing import Protocol

from seedx_server.ai.providers.protocol import Provider, ProviderError
from seedx_server.config import Settings, SettingsError

GROUP = "seedx.ai_providers"

logger = logging.getLogger(__name__)


class Factory(Protocol):
    """The factory that an entry point of the group refers to."""

    def __call__(self, settings: Settings) -> Provider:
        """Make the provider, or raise `ProviderError` if it lacks a setting."""
        ...


def make_provider(name: str, settings: Settings, *, setting: str = "SEEDX_AI_PROVIDER") -> Provider:
    """Make the provider with a given name.

    Args:
        name: The name of its entry point.
        settings: The settings that it reads.
        setting: The setting that names it, for the error message.

    Raises:
        SettingsError: There is no such provider, or its package cannot be loaded.
        ProviderError: A setting that it needs is missing or cannot be used.
    """
    known: dict[str, EntryPoint] = {point.name: point for point in entry_points(group=GROUP)}
    if name not in known:
        names = ", ".join(sorted(known)) or "none; install the package seedx"
        raise SettingsError(f"{setting}: there is no provider {name!r}; known: {names}")
    try:
        factory: Factory = known[name].load()
    except (ImportError, AttributeError) as error:
        raise SettingsError(f"{setting}: {name!r} cannot be loaded: {error}") from error
    return factory(settings)


def configured(settings: Settings) -> list[Provider]:
    """Make the chosen provider and, after it, its fallbacks.

    A fallback that lacks its settings is left out, and a log line says so.

    Raises:
        SettingsError: The chosen provider cannot be made, or a name is unknown.
    """
    chosen = _chosen_name(settings)
    try:
        providers = [make_provider(chosen, settings)]
    except ProviderError as error:
        raise SettingsError(f"{error.detail} ({chosen})") from None
    for name in dict.fromkeys(settings.ai_fallback):
        if name == chosen:
            continue
        try:
            providers.append(make_provider(name, settings, setting="SEEDX_AI_FALLBACK"))
        except ProviderError as error:
            logger.warning("AI provider %s cannot be a fallback: %s", name, error.detail)
    return providers


def _chosen_name(settings: Settings) -> str:
    if settings.ai_provider != "auto":
        return settings.ai_provider
    if settings.groq_api_key is not None:
        return "groq"
    return "openai" if settings.ai_base_url else "knowledge"
