"""A draft is sent, edited or discarded by the person who asked for it."""

import io
import json
from pathlib import Path
from typing import cast

import pytest

from seedx_cli.context import Context, Shared
from seedx_cli.errors import SeedXError
from seedx_cli.terminal.terminal import Terminal
from seedx_cli.tickets.drafts import review, send
from seedx_cli.tickets.streaming import Reply
from tests.seedx_cli.process import Cli, interrupt, rest_of, seen_until

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
    interrupt(child)
    rest_of(child)

    assert child.exitstatus == 130
    assert conversation(customer, number) == []


def test_without_a_terminal_a_draft_is_only_written(customer: Cli, staff: Cli, number: str) -> None:
    assert "Pull the **plug**" in staff.ok("ai", number, "--draft")
    assert conversation(customer, number) == []


class Keyboard(io.StringIO):
    """Somebody who types, or looks."""

    def isatty(self) -> bool:
        return True


def staff_context(staff: Cli, typed: str = "") -> Context:
    """What a command of a member of staff works with, who types lines."""
    terminal = Terminal(Keyboard(typed), io.StringIO(), Keyboard(), environment={})
    return Context(Shared(), staff.environment, terminal)


def test_an_edited_draft_survives_ctrl_c(customer: Cli, staff: Cli, number: str) -> None:
    edited = "sed -i 1s/^.*$/Words_that_took_an_hour/"
    child = staff.spawn("ai", number, "--draft", columns=300, EDITOR=edited, NO_COLOR="1")
    seen_until(child, QUESTION)
    child.send("e\r")
    seen_until(child, QUESTION)
    interrupt(child)
    told = rest_of(child).decode()

    assert child.exitstatus == 130
    kept = Path(told.partition("--recover ")[2].split()[0])
    assert "Words_that_took_an_hour" in kept.read_text()
    staff.ok("ticket", "reply", number, "--recover", str(kept))
    assert conversation(customer, number)[0].startswith("Words_that_took_an_hour\n")


def test_an_unedited_draft_leaves_nothing_behind(staff: Cli, number: str) -> None:
    child = staff.spawn("ai", number, "--draft")
    seen_until(child, QUESTION)
    interrupt(child)
    rest_of(child)

    assert list((staff.folder / "config").glob("unsent/*")) == []


HANDED_OFF = Reply("I found no article that answers this.", handoff="nothing answers this")


def test_a_draft_that_hands_off_is_not_sent(customer: Cli, staff: Cli, number: str) -> None:
    context = staff_context(staff)
    with pytest.raises(SeedXError) as refused:
        send(HANDED_OFF, int(number), context)
    context.close()

    assert refused.value.exit_code == 1
    assert "a person has to answer: nothing answers this" in refused.value.message
    assert refused.value.hint == f"Write the reply yourself: seedx ticket reply {number}"
    assert conversation(customer, number) == []


def test_a_draft_that_hands_off_can_only_be_edited_or_discarded(
    customer: Cli, staff: Cli, number: str
) -> None:
    context = staff_context(staff, typed="s\nd\n")
    review(HANDED_OFF, int(number), context)
    context.close()

    asked = cast("io.StringIO", context.io.stderr).getvalue()
    assert asked.count("[e]dit or [d]iscard: ") == 2
    assert "[s]end" not in asked
    assert conversation(customer, number) == []


def test_a_sent_draft_names_the_articles_that_it_refers_to(
    customer: Cli, staff: Cli, number: str
) -> None:
    context = staff_context(staff)
    draft = Reply(
        "Run a backup [1].",
        citations=[{"number": 1, "slug": "backups", "title": "Backups", "heading": "Daily"}],
    )
    send(draft, int(number), context)
    context.close()

    assert conversation(customer, number) == [
        "Run a backup [1].\n\n- [1] Backups, Daily: seedx kb show backups\n"
    ]


def test_a_draft_that_cannot_be_sent_is_kept(staff: Cli, number: str) -> None:
    staff.ok("ticket", "close", number)
    context = staff_context(staff)
    with pytest.raises(SeedXError) as refused:
        send(Reply("Words."), int(number), context)
    context.close()

    assert "--recover" in str(refused.value.hint)


def test_a_sent_draft_as_json_is_the_last_event(customer: Cli, staff: Cli, number: str) -> None:
    lines = staff.ok("ai", number, "--draft", "--send", "--json").splitlines()
    last = json.loads(lines[-1])

    assert last["event"] == "sent"
    assert last["data"]["content"] == conversation(customer, number)[0]
