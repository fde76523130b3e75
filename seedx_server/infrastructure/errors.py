"""The errors that services raise. Only `problems.py` turns them into HTTP."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import ClassVar, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field of the input and what is wrong with it."""

    field: str
    message: str


class DomainError(Exception):
    """A request that cannot be carried out, and why.

    Args:
        detail: One or two sentences for people: what went wrong and what to do next.
        code: The stable name of the problem, if it is narrower than the class's own.
        fields: For bad input, the fields at fault.
        retry_after: Seconds after which it is worth trying again.
        extra: Additional members of the problem document (RFC 9457, section 3.2).
    """

    status: ClassVar[HTTPStatus] = HTTPStatus.BAD_REQUEST
    code: str = "bad_request"

    def __init__(
        self,
        detail: str,
        *,
        code: str | None = None,
        fields: tuple[FieldError, ...] = (),
        retry_after: int | None = None,
        extra: dict[str, str | int] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or type(self).code
        self.fields = fields
        self.retry_after = retry_after
        self.extra = extra or {}


class InvalidInput(DomainError):
    """A field of the request has a value that cannot be used."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "invalid_input"

    @classmethod
    def of(cls, field: str, message: str) -> "InvalidInput":
        """Return the error for one field."""
        return cls(f"{field}: {message}", fields=(FieldError(field, message),))


class Unauthenticated(DomainError):
    """The caller is not signed in, or the credentials are wrong."""

    status = HTTPStatus.UNAUTHORIZED
    code = "not_authenticated"


class Forbidden(DomainError):
    """The caller may see the resource but may not do this to it."""

    status = HTTPStatus.FORBIDDEN
    code = "forbidden"


class NotFound(DomainError):
    """The resource does not exist, or the caller may not see it."""

    status = HTTPStatus.NOT_FOUND
    code = "not_found"


class Conflict(DomainError):
    """The resource's current state does not allow this."""

    status = HTTPStatus.CONFLICT
    code = "conflict"


class PreconditionFailed(DomainError):
    """The resource changed since the caller read it."""

    status = HTTPStatus.PRECONDITION_FAILED
    code = "precondition_failed"


class TooManyRequests(DomainError):
    """A limit is used up; `retry_after` says when to try again."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "too_many_requests"


class Unavailable(DomainError):
    """A service that SeedX depends on cannot be reached."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = "unavailable"


def existing(row: T | None, name: str, next_step: str = "") -> T:
    """Return the row that a repository looked for.

    Args:
        row: What the repository found for the actor.
        name: What was looked for, such as `ticket 42`.
        next_step: A sentence on what to do if it does not exist.

    Raises:
        NotFound: It does not exist, or the actor may not see it.
    """
    if row is None:
        raise NotFound(f"There is no {name}. {next_step}".rstrip())
    return row
