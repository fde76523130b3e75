"""Hints: the command that helps, with the number of the ticket in it."""

import pytest

from seedx_cli.errors import ApiError


@pytest.mark.parametrize(
    ("status", "code", "path", "hint"),
    [
        (409, "bad_transition", "/tickets/42", "See its status: seedx ticket show 42"),
        (412, "changed", "/tickets/42/messages", "try again: seedx ticket show 42"),
        (412, "changed", "/tickets/{x}", "try again: seedx ticket show ID"),
        (404, "not_found", "/tickets/42", "See what there is: seedx ticket list"),
    ],
)
def test_a_hint_names_the_ticket(status: int, code: str, path: str, hint: str) -> None:
    assert hint in str(ApiError(status, {"code": code}, path=path).hint)


@pytest.mark.parametrize(
    ("seconds", "said"), [(1, "1 second"), (90, "1 minute"), (7200, "2 hours")]
)
def test_a_busy_server_says_when_to_try_again(seconds: float, said: str) -> None:
    error = ApiError(429, {"title": "Too many"}, retry_after=seconds)
    assert error.hint == f"Try again in {said}"
