"""Errors: the hint that helps, and whether they are JSON."""

import json

import pytest

from seedx_cli.errors import ApiError
from tests.seedx_cli.process import Cli


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


@pytest.mark.parametrize(
    ("words", "is_json"),
    [
        (("ticket", "reply", "1", "--json", "-b", "text"), True),
        (("ticket", "reply", "1", "-b", "--json"), False),
        (("config", "get", "--", "--json"), False),
        # The rest is not parsed to its end.
        (("ticket", "reply", "--json"), True),
        (("ticket", "repyl", "--json"), True),
        (("ticket", "reply", "-b", "-b", "--json"), True),
        (("ticket", "reply", "-b", "--json"), False),
        (("ticket", "reply", "one", "-b", "--json"), False),
        (("ticket", "reply", "one", "--", "--json"), False),
        (("ticket", "reply", "1", "--body"), False),
    ],
    ids=str,
)
def test_an_error_is_json_only_if_that_was_asked_for(
    cli: Cli, words: tuple[str, ...], is_json: bool
) -> None:
    done = cli.run(*words)

    assert done.returncode != 0
    if is_json:
        assert json.loads(done.stderr)["message"]
    else:
        assert done.stderr.startswith("Error: ")
