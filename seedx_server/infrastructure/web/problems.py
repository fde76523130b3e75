"""The one place that turns errors into `application/problem+json` (RFC 9457)."""

import logging
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus

import psycopg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import Scope

from seedx_server.infrastructure.errors import DomainError, FieldError, InvalidInput, Unavailable

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
DEFAULT_RETRY_AFTER = 5
CODES = {
    HTTPStatus.NOT_FOUND: "not_found",
    HTTPStatus.METHOD_NOT_ALLOWED: "method_not_allowed",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "body_too_large",
}
PLAINER_WORDS = {
    "json_invalid": "is not valid JSON",
    "model_attributes_type": "must be a JSON object, sent as application/json",
    "string_unicode": "must be valid Unicode text",
    "extra_forbidden": "is not a known field",
    "missing": "is missing",
}
"""Messages that replace those of Pydantic that are written for programmers."""
MEMBER = re.compile(r"<\w+\.\w+: ('[^']*')>")
"""How Pydantic writes a member of an enumeration."""
MOST_ERRORS = 20
LONGEST_NAME = 100
"""Limits on the response to bad input: it must not be much larger than the request."""


class FieldProblem(BaseModel):
    """One field of the input and what is wrong with it."""

    field: str
    message: str


class Problem(BaseModel):
    """An error of the API (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[FieldProblem] | None = None


DETAILS = {
    HTTPStatus.NOT_FOUND: "There is nothing at this path. /docs lists all paths.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This path does not accept this method. The header Allow lists "
    "those that it accepts.",
}
"""Details that replace those of the framework."""

ProblemDocument = dict[str, str | int | list[dict[str, str]]]


def problem_document(error: DomainError) -> ProblemDocument:
    """Return the problem document for an error."""
    document = _document(error.status, error.code, error.detail) | error.extra
    if error.fields:
        document["errors"] = [
            {"field": problem.field, "message": problem.message} for problem in error.fields
        ]
    return document


def _document(status: HTTPStatus, code: str, detail: str) -> ProblemDocument:
    # The title is the same each time the problem occurs (RFC 9457, section 3.1.3).
    return {
        "type": f"urn:seedx:problem:{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": int(status),
        "detail": detail,
        "code": code,
    }


def problem_headers(error: DomainError) -> dict[str, str]:
    """Return the headers that go with an error."""
    headers: dict[str, str] = {}
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if error.status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        headers["Retry-After"] = str(error.retry_after or DEFAULT_RETRY_AFTER)
    return headers


def problem_response(error: DomainError) -> JSONResponse:
    """Return the response for an error."""
    return JSONResponse(
        problem_document(error), error.status, problem_headers(error), media_type=MEDIA_TYPE
    )


def methods_of(scope: Scope) -> set[str]:
    """Return the methods that the routes at the path of a request declare."""
    methods = set[str]()
    for context in iter_route_contexts(scope["app"].routes):
        match, _ = context.matches(scope)
        if match is not Match.NONE:
            methods |= context.methods or {"GET", "HEAD"}
    return methods


def install(app: FastAPI) -> None:
    """Answer every error of the app with a problem document."""
    app.add_exception_handler(DomainError, _domain_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_exception)
    app.add_exception_handler(DBAPIError, _database_error)
    app.add_exception_handler(psycopg.OperationalError, _database_unreachable)
    app.add_exception_handler(PoolTimeoutError, _database_unreachable)
    app.add_exception_handler(ConnectionError, _database_unreachable)


def unexpected() -> JSONResponse:
    """Return the response to a failure of the server itself; the log has the cause."""
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    detail = "The server failed. Try again; if it fails again, give the operator the X-Request-ID."
    return JSONResponse(_document(status, "internal_error", detail), status, media_type=MEDIA_TYPE)


async def _domain_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, DomainError)  # noqa: S101  # registered for this class alone
    return problem_response(error)


async def _validation_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101  # registered for it alone
    errors = error.errors()
    fields = tuple(_field_error(item) for item in errors[:MOST_ERRORS])
    detail = "; ".join(f"{problem.field}: {problem.message}" for problem in fields)
    if len(errors) > MOST_ERRORS:
        detail += f"; and {len(errors) - MOST_ERRORS} more"
    return problem_response(InvalidInput(detail, fields=fields))


def _field_error(item: Mapping[str, object]) -> FieldError:
    location = item["loc"]
    assert isinstance(location, Sequence)  # noqa: S101  # Pydantic's own shape
    path = [str(part) for part in location]
    if item["type"] == "json_invalid":
        path = ["body"]
    if path[0] == "query":
        # The name of a repeatable parameter, without the index of its value.
        path = path[:2]
    name = ".".join(path[1:] if len(path) > 1 else path)[:LONGEST_NAME]
    message = MEMBER.sub(r"\1", str(item["msg"]).removeprefix("Value error, "))
    plainer = PLAINER_WORDS.get(str(item["type"]))
    return FieldError(name, plainer or message[:1].lower() + message[1:])


async def _http_exception(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101  # registered for this class alone
    status = HTTPStatus(error.status_code)
    if status is HTTPStatus.BAD_REQUEST:
        # FastAPI raises it for a body that is nested too deeply or has too long a number.
        return problem_response(InvalidInput.of("body", "cannot be read"))
    code = CODES.get(status, "bad_request")
    document = _document(status, code, DETAILS.get(status, str(error.detail)))
    headers = dict(error.headers or {})
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        methods = methods_of(request.scope)
        headers["Allow"] = ", ".join(sorted(methods | {"HEAD"} if "GET" in methods else methods))
    return JSONResponse(document, status, headers, media_type=MEDIA_TYPE)


async def _database_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, DBAPIError)  # noqa: S101  # registered for this class alone
    if isinstance(error.orig, psycopg.errors.DiskFull):
        logger.error("the database's disk is full: %s", error)
        return problem_response(
            Unavailable("The database's disk is full. Tell the operator.", code="database_full")
        )
    if error.connection_invalidated or isinstance(error.orig, psycopg.OperationalError):
        return await _database_unreachable(request, error)
    logger.error("the database refused a statement", exc_info=error)
    return unexpected()


async def _database_unreachable(_: Request, error: Exception) -> JSONResponse:
    logger.error("the database cannot be reached: %s", error)
    return problem_response(
        Unavailable("The database cannot be reached. Try again soon.", code="database_unavailable")
    )
