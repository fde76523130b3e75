"""Holds every error that an app answers with against its OpenAPI document."""

import re
from functools import cache
from http import HTTPStatus
from typing import Any

import httpx
from fastapi import FastAPI

from seedx_server.infrastructure.web.openapi import COMMON_CODES
from seedx_server.infrastructure.web.problems import MEDIA_TYPE

Codes = dict[str, set[str]]


class DeclaredErrors:
    """An httpx hook that fails the test when an error is not declared for its operation.

    Args:
        app: The app that answers.
    """

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    async def __call__(self, response: httpx.Response) -> None:
        """Check one answer."""
        if response.status_code < HTTPStatus.BAD_REQUEST or response.request.method == "HEAD":
            return
        declared = self._declared(response.request)
        if declared is None:
            return
        await response.aread()
        code = response.json()["code"]
        known = declared.get(str(response.status_code), set())
        where = f"{response.request.method} {response.request.url.path}"
        assert code in known or code in COMMON_CODES, f"{where}: {code} is not declared"

    def _declared(self, request: httpx.Request) -> Codes | None:
        prefix = self._app.state.parts.settings.api_prefix
        if prefix not in _OPERATIONS:
            _OPERATIONS[prefix] = operations(self._app.openapi())
        for method, pattern, codes in _OPERATIONS[prefix]:
            if method == request.method and pattern.fullmatch(request.url.path):
                return codes
        return None


_OPERATIONS: dict[str, list[tuple[str, re.Pattern[str], Codes]]] = {}


def operations(document: dict[str, Any]) -> list[tuple[str, re.Pattern[str], Codes]]:
    """Return each operation's method, path and declared codes by status; fixed paths first."""
    found = [
        (method.upper(), path, codes_of(operation))
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    return [
        (method, _pattern(path), codes)
        for method, path, codes in sorted(found, key=lambda each: "{" in each[1])
    ]


def codes_of(operation: dict[str, Any]) -> Codes:
    """Return the codes that an operation declares, by status."""
    return {
        status: set(response["content"][MEDIA_TYPE]["schema"]["properties"]["code"]["enum"])
        for status, response in operation["responses"].items()
        if status.isdecimal() and int(status) >= HTTPStatus.BAD_REQUEST
    }


@cache
def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{\w+\}", lambda m: ".+" if m[0] == "{slug}" else "[^/]+", path))
