"""A draft is sent, changed or thrown away by the person who asked for it."""

import pytest

from tests.seedx_cli.process import Cli

QUESTION = "[s]end, [e]dit or [d]iscard: "


@pytest.fixture
def number(customer: Cli) -> str:
    """A customer's ticket."""
    return customer.ok("ticket", "new", "-t", "Fire", "-b", "It smokes.", "--quiet").strip()


def conversation(customer: Cli, number: str) -> list[str]:
    """Return what the customer can read."""
    ticket = customer.json("ticket", "show", number)
    return [message["content"] for message in ticket["messages"]]


def test_a_draft_that_is_sent_becomes_the_persons_reply(
    customer: Cli, staff: Cli, number: str
) -> None:
    screen = staff.screen("ai", number, "--draft", answers={QUESTION: "s\r"})

    assert screen.exit_code == 0
    assert len(conversation(customer, number)) == 1
    assert "Pull the **plug**" in conversation(customer, number)[0]


def test_a_draft_that_is_discarded_is_seen_by_nobody(
    customer: Cli, staff: Cli, number: str
) -> None:
    screen = staff.screen("ai", number, "--draft", answers={QUESTION: "d\r"})

    assert screen.exit_code == 0
    assert "nothing was sent" in screen.text
    assert conversation(customer, number) == []


def test_a_draft_is_edited_and_asked_about_again(customer: Cli, staff: Cli, number: str) -> None:
    child = staff.spawn("ai", number, "--draft", EDITOR="sed -i 1s/^.*$/Dear_Ada/")
    child.expect_exact(QUESTION)
    child.send("e\r")
    child.expect_exact(QUESTION)
    child.send("s\r")
    child.expect_exact("as your reply")

    assert conversation(customer, number)[0].startswith("Dear_Ada\n")


def test_an_answer_that_is_none_is_asked_for_again(customer: Cli, staff: Cli, number: str) -> None:
    child = staff.spawn("ai", number, "--draft")
    child.expect_exact(QUESTION)
    child.send("what?\r")
    child.expect_exact(QUESTION)
    child.send("\x03")
    child.wait()

    assert child.exitstatus == 130
    assert conversation(customer, number) == []


def test_without_a_terminal_a_draft_is_only_written(customer: Cli, staff: Cli, number: str) -> None:
    assert "Pull the **plug**" in staff.ok("ai", number, "--draft")
    assert conversation(customer, number) == []
