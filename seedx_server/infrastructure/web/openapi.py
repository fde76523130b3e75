"""Describes errors in the OpenAPI document."""

from collections import defaultdict
from typing import Any

from fastapi import FastAPI

from seedx_server.infrastructure.errors import DomainError
from seedx_server.infrastructure.web.problems import MEDIA_TYPE, Problem

Kind = type[DomainError] | tuple[type[DomainError], str]
Responses = dict[int | str, dict[str, Any]]

COMMON_CODES = ("internal_error", "database_unavailable", "database_full", "body_too_large")
"""The errors that any operation may return; operations do not list them."""

REFERENCE = {"$ref": f"#/components/schemas/{Problem.__name__}"}
DEFAULT: Responses = {
    "default": {
        "model": Problem,
        "description": f"An error that any operation may return: {', '.join(COMMON_CODES)}.",
    }
}


def problems(*kinds: Kind) -> Responses:
    """Return the OpenAPI responses for the errors of an operation.

    Args:
        kinds: The class of each error, with its code if that is narrower than the class's own:
            `problems(NotFound, (Conflict, "ticket_closed"))`.
    """
    codes: defaultdict[int | str, list[str]] = defaultdict(list)
    for kind in kinds:
        error, code = kind if isinstance(kind, tuple) else (kind, kind.code)
        codes[int(error.status)].append(code)
    return {status: _response(each) for status, each in codes.items()}


def describe(app: FastAPI, sign_in_scheme: str, prefix: str) -> None:
    """Complete the OpenAPI document: the path for signing in, and the media type of errors.

    Args:
        app: The app.
        sign_in_scheme: The name of the security scheme.
        prefix: The prefix of the API's paths.
    """
    make = app.openapi

    def openapi() -> dict[str, Any]:
        document = make()
        scheme = document["components"]["securitySchemes"][sign_in_scheme]
        scheme["flows"]["password"]["tokenUrl"] = f"{prefix}/auth/token".removeprefix("/")
        for operations in document["paths"].values():
            for operation in operations.values():
                default = operation["responses"]["default"]
                default["content"] = {MEDIA_TYPE: {"schema": REFERENCE}}
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's way to change the document


def _response(codes: list[str]) -> dict[str, Any]:
    schema = {"allOf": [REFERENCE], "properties": {"code": {"enum": codes}}}
    description = ", ".join(f"`{code}`" for code in codes)
    return {"description": description, "content": {MEDIA_TYPE: {"schema": schema}}}
