"""The architecture's walk through the client names what really happens."""

import pytest

from seedx_cli.main import run
from tests.seedx_cli.process import Cli
from tests.walks import files_at_work, missing_functions, walk

COMMAND = "One command"


def test_every_function_that_the_walk_names_is_defined() -> None:
    assert missing_functions(walk(COMMAND)) == []


def test_a_command_takes_the_way_that_is_described(
    customer: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = customer.json("ticket", "new", "-t", "It breaks", "-b", "When I start it, it stops.")
    for name, value in customer.environment.items():
        monkeypatch.setenv(name, value)
    with files_at_work("seedx_cli") as files:
        assert run(["ticket", "reply", str(ticket["id"]), "-b", "It still breaks."]) == 0

    assert files == {*walk(COMMAND)}
