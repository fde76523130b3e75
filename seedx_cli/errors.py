"""The errors that a person sees, and the exit code of each kind."""

from __future__ import annotations

from collections.abc import Mapping

from seedx_cli.durations import duration

DONE = 0
FAILED = 1
WRONG_USAGE = 2
REFUSED = 4
NOT_FOUND = 5
INTERRUPTED = 130

_EXIT_CODES = {400: WRONG_USAGE, 401: REFUSED, 403: REFUSED, 404: NOT_FOUND, 422: WRONG_USAGE}

_HINTS = {
    "bad_credentials": "Try again: seedx login\nNo account yet: seedx signup",
    "email_taken": "seedx login",
    "bad_transition": "See its status: seedx ticket show {number}",
}

_HINTS_BY_STATUS = {
    401: "Sign in: seedx login",
    403: "See who you are: seedx whoami",
    412: "Somebody else changed it. Look at it, then try again: seedx ticket show {number}",
    429: "Wait a little, then try again",
}
_LISTS = {
    "tickets": "seedx ticket list",
    "messages": "seedx ticket list",
    "ai-runs": "seedx ticket list",
    "articles": "seedx kb list",
    "users": "seedx user list",
}
"""The command that lists what is under the first part of a path."""
_BUSY = {429, 503}
_MISSING = 404
_LONGEST_SENTENCE = 500


class SeedXError(Exception):
    """An error that is shown to the person in one or two lines.

    Attributes:
        message: What went wrong.
        hint: What to do next, usually a command; None if there is nothing to suggest.
        code: A stable name in snake_case, for programs.
        exit_code: The exit code of the process.
    """

    exit_code = FAILED

    def __init__(self, message: str, *, hint: str | None = None, code: str = "failed") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code


class UsageError(SeedXError):
    """The command line, a setting or the input is not valid."""

    exit_code = WRONG_USAGE

    def __init__(self, message: str, *, hint: str | None = None, code: str = "usage") -> None:
        super().__init__(message, hint=hint, code=code)


class NotFoundError(SeedXError):
    """What was named does not exist, or is not visible to the person."""

    exit_code = NOT_FOUND

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint, code="not_found")


class SignedOutError(SeedXError):
    """There is no session, or the server no longer accepts it."""

    exit_code = REFUSED

    def __init__(self, message: str, *, hint: str | None = "Sign in: seedx login") -> None:
        super().__init__(message, hint=hint, code="signed_out")


class UnreachableError(SeedXError):
    """The server cannot be reached, or stopped responding."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint, code="unreachable")


class BadResponseError(SeedXError):
    """The server sent what a SeedX server would not send.

    Args:
        sent: What it sent.
        server: The server's URL, if it is known.
    """

    def __init__(self, sent: str, server: str = "The server") -> None:
        super().__init__(
            f"{server} answered with {sent}",
            hint="Is it a SeedX server? seedx doctor",
            code="bad_answer",
        )


class ApiError(SeedXError):
    """The server answered with an error.

    Attributes:
        status: The HTTP status.
        problem: The RFC 9457 problem document, or a title if the server sent none.
        retry_after: Seconds the server asks to wait, if it said so.

    Args:
        status: The HTTP status.
        problem: The problem document.
        path: The path of the request, under the server's URL.
        retry_after: Seconds the server asks to wait, if it said so.
    """

    def __init__(
        self,
        status: int,
        problem: Mapping[str, object],
        *,
        path: str = "",
        retry_after: float | None = None,
    ) -> None:
        code = str(problem.get("code") or f"http_{status}")
        hint = _HINTS.get(code, _HINTS_BY_STATUS.get(status))
        if status == _MISSING:
            hint = _hint_to_list(path)
        if retry_after and status in _BUSY:
            hint = f"Try again in {duration(retry_after)}"
        hint = hint and hint.format(number=_ticket_number(path))
        super().__init__(_message_of(status, problem), hint=hint, code=code)
        self.status = status
        self.problem = dict(problem)
        self.retry_after = retry_after
        self.exit_code = _EXIT_CODES.get(status, FAILED)


def _hint_to_list(path: str) -> str:
    """Return a hint with the command that lists this kind of resource."""
    lists = _LISTS.get(path.strip("/").partition("/")[0])
    return f"See what there is: {lists}" if lists else "Is it a SeedX server? seedx doctor"


def _ticket_number(path: str) -> str:
    """Return the number of the ticket that a path names, `ID` if it names none."""
    kind, _, rest = path.strip("/").partition("/")
    number = rest.partition("/")[0]
    return number if kind == "tickets" and number.isdigit() else "ID"


def _message_of(status: int, problem: Mapping[str, object]) -> str:
    said = str(problem.get("detail") or problem.get("title") or f"The server answered {status}")
    fields = problem.get("errors")
    if not isinstance(fields, list):
        return _in_one_line(said)
    named = [
        f"{field.get('field')}: {field.get('message')}"
        for field in fields
        if isinstance(field, Mapping) and field.get("message")
    ]
    return _in_one_line("; ".join(named) or said)


def _in_one_line(said: str) -> str:
    """Return a server's text as one line, so that it cannot pass for this program's own."""
    line = " ".join(said.split())
    return line if len(line) <= _LONGEST_SENTENCE else line[:_LONGEST_SENTENCE] + "…"
