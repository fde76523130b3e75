"""Checks of what the server needs on this machine."""

from collections.abc import Callable

from seedx_server.ai.providers.registry import configured
from seedx_server.config import SettingsError, load_settings
from seedx_server.entry.database import db_current
from seedx_server.entry.errors import EntryError
from seedx_server.infrastructure.database import migrate


def doctor() -> list[dict[str, str]]:
    """Check settings and database; return name, status (ok or failed) and detail of each check."""
    checks = [_check("settings", _providers)]
    if checks[0]["status"] == "ok":
        checks.append(_check("database", _revision))
    return checks


def _check(name: str, probe: Callable[[], str]) -> dict[str, str]:
    try:
        return {"name": name, "status": "ok", "detail": probe()}
    except (EntryError, SettingsError) as error:
        return {"name": name, "status": "failed", "detail": str(error)}


def _providers() -> str:
    names = [provider.name for provider in configured(load_settings())]
    return "AI replies by " + ", then ".join(names)


def _revision() -> str:
    found, newest = db_current(), migrate.newest()
    if found == newest:
        return f"at revision {found}"
    if found != "none" and not migrate.knows(found):
        error = migrate.NewerSchemaError(found)
        raise EntryError(f"{error.message} {error.hint}")
    return f"at revision {found}; seedx serve upgrades it to {newest}"
