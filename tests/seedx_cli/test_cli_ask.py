"""Asking before a ticket is opened, and what never leaves the machine."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedx_cli.redact import redact
from tests.seedx_cli.conftest import REPLY
from tests.seedx_cli.process import Cli, rest_of, seen_until

PRIVATE_KEY = (
    "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\nc2VjcmV0\n"
    "-----END OPENSSH PRIVATE KEY-----"
)
SECRETS = [
    ("AKIA" + "ABCDEFGHIJKLMNOP", "AKIAABCDEFGHIJKLMNOP"),
    ("token is ghp_" + "a1B2" * 9 + ".", "ghp_" + "a1B2" * 9),
    ("xoxb-" + "123456789012-abcdef", "xoxb-123456789012-abcdef"),
    ("gsk_" + "Abc123" * 6, "gsk_" + "Abc123" * 6),
    ("postgresql://seedx:hunter2@db:5432/desk", "hunter2"),
    ("https://user:p%40ss@example.com/x", "p%40ss"),
    ("export DB_PASSWORD='correct horse'", "correct horse"),
    ("PGPASSWORD=tr0ub4dor psql", "tr0ub4dor"),
    ('  "client_secret": "s3cr3t-value",', "s3cr3t-value"),
    ("password: hunter2", "hunter2"),
    ("Authorization: Bearer abcdef0123456789", "abcdef0123456789"),
    ("curl -H 'Authorization: Basic dXNlcjpwYXNz'", "dXNlcjpwYXNz"),
    ("login --admin-password hunter2 --verbose", "hunter2"),
    ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlLXg", "eyJzdWIiOiIxIn0"),
    ("root:$6$saltsalt$hashhashhashhash:19000", "hashhashhashhash"),
    (PRIVATE_KEY, "c2VjcmV0"),
    (PRIVATE_KEY.partition("-----END")[0], "c2VjcmV0"),
]
INNOCENT = [
    "password: at least 10 characters are needed",
    "The token expired at 12:00.",
    "see http://example.com:8443/path?query=1",
    "error: secret not found in namespace default",
    "keyboard: none",
]


@pytest.mark.parametrize(("text", "secret"), SECRETS)
def test_secrets_are_taken_out(text: str, secret: str) -> None:
    clean, found = redact(f"line one\n{text}\nline three")
    assert secret not in clean
    assert clean.startswith("line one\n")
    assert found
    assert found[0].line == 2
    assert secret not in found[0].text


@pytest.mark.parametrize("text", INNOCENT)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == (text, [])


def test_addresses_go_when_asked() -> None:
    text = "mail ada.lovelace+x@example.co.uk now"
    assert redact(text) == (text, [])
    assert redact(text, emails=True)[0] == "mail [redacted: e-mail address] now"


@given(st.text())
def test_redacting_twice_is_redacting_once(text: str) -> None:
    once, _ = redact(text, emails=True)
    assert redact(once, emails=True)[0] == once


@pytest.mark.parametrize(
    "unit", ["a.", "password", "token=", "-", "://a:", "eyJa.", "$6$", "'", "a@", "-----BEGIN "]
)
def test_no_text_makes_redaction_slow(unit: str) -> None:
    text = unit * (45_000 // len(unit))
    began = time.process_time()
    redact(text, emails=True)
    assert time.process_time() - began < 2


def test_an_answer_to_piped_text(customer: Cli) -> None:
    done = customer.run("ask", "why does this fail?", stdin="DB_PASSWORD=hunter2\nKeyError: 'x'\n")
    assert (done.returncode, done.stdout) == (0, REPLY)
    assert "1 secret taken out" in done.stderr
    assert customer.ok("ticket", "list") == ""


def test_a_ticket_carries_the_piped_text_without_its_secrets(customer: Cli) -> None:
    piped = "DB_PASSWORD=hunter2\n```\nKeyError: 'x'\n"
    customer.ok("ask", "why does", "this fail?", "--ticket", stdin=piped)
    (ticket,) = customer.json("ticket", "list")["items"]
    assert ticket["title"] == "why does this fail?"
    assert ticket["description"] == (
        "why does this fail?\n\n````text\nDB_PASSWORD=[redacted: secret]\n```\nKeyError: 'x'\n````"
    )


def test_json_gives_events_and_then_the_ticket(customer: Cli) -> None:
    output = customer.ok("ask", "why?", "--ticket", "--json", stdin="x")
    *_, done, ticket = [json.loads(line) for line in output.splitlines()]
    assert (done["event"], ticket["event"]) == ("done", "ticket")
    assert ticket["data"]["title"] == "why?"


def test_a_long_text_is_cut_to_its_end(customer: Cli) -> None:
    piped = "".join(f"line {number}\n" for number in range(20_000))
    done = customer.run("ask", "why?", "--ticket", stdin=piped)
    assert done.returncode == 0
    assert "Only the last" in done.stderr
    (ticket,) = customer.json("ticket", "list")["items"]
    assert "line 19999\n" in ticket["description"]
    assert "line 1\n" not in ticket["description"]


def test_on_a_terminal_a_ticket_is_offered(customer: Cli) -> None:
    child = customer.spawn("ask", "why", "me?")
    seen_until(child, "Open a ticket with this? [y/N] ")
    child.send("y\n")
    assert b"Opened ticket " in rest_of(child)
    assert child.exitstatus == 0


def test_the_offer_reaches_the_person_although_stdin_is_a_pipe(customer: Cli) -> None:
    child = customer.shell('echo "KeyError" | $SEEDX ask "why?"')
    seen_until(child, "Open a ticket with this? [y/N] ")
    child.send("n\n")
    rest_of(child)
    assert child.exitstatus == 0
    assert customer.ok("ticket", "list") == ""
