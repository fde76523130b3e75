"""What `seedx ai` refuses, and how it shows the newest text again."""

import json

import pytest

from tests.seedx_cli.conftest import REPLY
from tests.seedx_cli.process import Cli


@pytest.fixture
def number(customer: Cli) -> str:
    """A customer's ticket."""
    return customer.ok("ticket", "new", "-t", "Fire", "-b", "It smokes.").strip()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--reason", "wrong"), "--reason goes with --rate"),
        (("--rate", "up", "-m", "thanks"), "--rate is about the newest reply"),
        (("--rate", "up", "--draft"), "--rate is about the newest reply"),
        (("--rate", "up", "--last"), "--rate is about the newest reply"),
        (("--last", "--summary"), "--last is about the newest reply"),
        (("-m", " "), "The message is empty"),
        (("--draft", "--summary"), "give one"),
        (("--send",), "--send sends a draft"),
        (("--draft", "-m", "x"), "-m adds a message for a reply"),
    ],
)
def test_an_option_that_would_be_ignored_is_refused(
    customer: Cli, options: tuple[str, ...], complaint: str
) -> None:
    done = customer.run("ai", "1", *options)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert not list((customer.folder / "config").glob("unsent/*"))


def test_a_message_to_a_closed_ticket_is_sent_and_answered_as_the_hints_say(
    customer: Cli, number: str
) -> None:
    customer.ok("ticket", "close", number)

    done = customer.run("ai", number, "-m", "again")

    (kept,) = (customer.folder / "config").glob("unsent/*.md")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-3:] == [
        f"  Reopen it first: seedx ticket reopen {number}",
        f"  Your text is kept. Send it: seedx ticket reply {number} --recover {kept}",
        f"  Then ask the AI: seedx ai {number}",
    ]
    customer.ok("ticket", "reopen", number)
    customer.ok("ticket", "reply", number, "--recover", str(kept))
    assert customer.ok("ai", number) == REPLY


def test_the_newest_text_is_shown_again(customer: Cli, number: str) -> None:
    customer.ok("ai", number)
    assert customer.ok("ai", number, "--last") == REPLY
    events = [
        json.loads(line) for line in customer.ok("ai", number, "--last", "--json").splitlines()
    ]
    assert events[-1]["event"] == "done"


def test_a_draft_is_shown_again_to_staff_alone(customer: Cli, staff: Cli, number: str) -> None:
    staff.ok("ai", number, "--draft")
    assert staff.ok("ai", number, "--last") == REPLY
    done = customer.run("ai", number, "--last")
    assert done.returncode == 1
    assert "has no AI reply" in done.stderr
