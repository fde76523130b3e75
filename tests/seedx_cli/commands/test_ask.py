"""Asking before a ticket is opened, and what never leaves the machine."""

import io
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedx_cli.commands import ask
from seedx_cli.context import Context, Shared
from seedx_cli.terminal.terminal import Terminal
from seedx_cli.tickets.redaction import redact
from seedx_cli.tickets.streaming import Reply
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
    (PRIVATE_KEY.partition("KEY-----\n")[2], "c2VjcmV0"),
    (PRIVATE_KEY.replace("\n", "\\n"), "c2VjcmV0"),
    ("PuTTY-User-Key-File-3: ed25519\nPrivate-Lines: 2\nc2VjcmV0\nAAAA", "c2VjcmV0"),
    ("https://hooks.slack.com/services/T0/B0/s3cr3ts3cr3t", "s3cr3ts3cr3t"),
    ("GOCSPX-" + "Abc123" * 5, "GOCSPX-" + "Abc123" * 5),
    ("AIza" + "Abc12" * 7, "AIza" + "Abc12" * 7),
    ("sk_live_" + "4eC39HqLyjWD" * 2, "4eC39HqLyjWD"),
    ("sk-proj-" + "abc123DEF456" * 2, "abc123DEF456"),
    ("SK" + "0123456789abcdef" * 2, "0123456789abcdef"),
    ("password: hunter2  # of the test", "hunter2"),
    ("password: hunter2\r", "hunter2"),
    ("{password: hunter2, user: ada}", "hunter2"),
    ('{"password": "hun\\"ter2"}', "ter2"),
    ('"password":\n    "hunter2"', "hunter2"),
    ("password: >-\n  hunter2\nnext: line", "hunter2"),
    ("export API_TOKEN=\\\n  hunter2", "hunter2"),
    ("API_TOKEN=abc\\\n  hunter2", "hunter2"),
    ("DB_PASS=hunter2", "hunter2"),
    ("<password>hunter2</password>", "hunter2"),
    ("Authorization: hunter2hunter2", "hunter2"),
    ("Authorization: Basic dXNlcjpw\n YXNzd29yZA==", "YXNzd29yZA"),
    ("Cookie: theme=dark; session=hunter2", "hunter2"),
    ("Cookie: jwt=eyJhbGciOiJI.eyJzdWIiOiIxIn0.c2lnbmF0dXJl; sid=hunter2", "hunter2"),
    ('Cookie: theme="dark"; session="hunter2"', "hunter2"),
    ("Cookie:theme=dark; session=hunter2", "hunter2"),
    ('DB_PASSWORD="x AKIAABCDEFGHIJKLMNOP hunter2"', "hunter2"),
    ("DB_PASSWORD=x-AKIAABCDEFGHIJKLMNOP-hunter2", "hunter2"),
    ("Cookie: [redacted: JSON web token]; sid=hunter2", "hunter2"),
    ("[redacted: AKIAABCDEFGHIJKLMNOP]", "AKIAABCDEFGHIJKLMNOP"),
    ('Authorization: Digest username="ada", response="hunter2"', "hunter2"),
    ('Proxy-Authorization: Digest username = "a", response = "hunter2"', "hunter2"),
    ("""-H 'Authorization: Digest username="ada", response="hunter2"'""", "hunter2"),
    ('"Authorization": "Digest username=\\"ada\\", response=\\"hunter2\\""', "hunter2"),
    ("curl -H 'X-Auth-Token: hunter2' https://example.com", "hunter2"),
    ("curl -u ada:hunter2 https://example.com", "hunter2"),
    ("postgres://ada:hun@ter2@db/desk", "ter2"),
    ("https://" + "a1b2c3d4e5" * 3 + "@example.com/x.git", "a1b2c3d4e5"),
    ("https://example.com/x?X-Amz-Signature=hunter2hunter2&y=1", "hunter2"),
    ("//registry.example.com/:_authToken=hunter2", "hunter2"),
    ("_auth=aHVudGVyMg==", "aHVudGVyMg"),
    ("machine example.com\n  login ada\n  password hunter2", "hunter2"),
    ("username = __token__\npassword = hunter2", "hunter2"),
    ("db.example.com:5432:desk:ada:hunter2", "hunter2"),
    ('"auth": "YWRhOmh1bnRlcjI="', "YWRhOmh1bnRlcjI"),
    ("mysql -u root -phunter2 desk", "hunter2"),
    ("ALTER ROLE ada WITH PASSWORD 'hunter2'", "hunter2"),
    ("\x1b[33mpassword\x1b[0m=\x1b[1mhunter2\x1b[0m", "hunter2"),
]
INNOCENT = [
    "password: at least 10 characters are needed",
    "The token expired at 12:00.",
    "see http://example.com:8443/path?query=1",
    "error: secret not found in namespace default",
    "keyboard: none",
    "commit 3f786850e387550fdaab836ed7e6dc881de23001",
    "550e8400-e29b-41d4-a716-446655440000",
    "image: desk@sha256:" + "9f" * 32,
    "SyntaxError: Unexpected token: }",
    "token: expected ')' but got end",
    "max_tokens=4096, total_tokens: 812",
    "token_type: bearer",
    "password: None",
    "tests/password_reset.py: ok",
    "Basic understanding of Bearer tokens",
    "pk-constraint-of-tickets-is-violated",
    "npm-debug-of-a-very-long-build.log",
    "docker run -u 1000:1000 -p 8080:80 desk",
    "main.c:12:5: error: expected ';'",
    "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----",
]


@pytest.mark.parametrize(("text", "secret"), SECRETS)
def test_secrets_are_taken_out(text: str, secret: str) -> None:
    clean, found = redact(f"line one\n{text}\nline three")
    assert secret not in clean
    assert clean.startswith("line one\n")
    assert found
    assert found[0].line >= 2
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


@pytest.mark.parametrize(("text", "_secret"), SECRETS)
def test_redacting_a_secret_twice_is_redacting_it_once(text: str, _secret: str) -> None:
    once, _ = redact(text, emails=True)
    assert redact(once, emails=True)[0] == once


def test_what_follows_a_quoted_header_stays() -> None:
    text = """curl -H 'Authorization: Digest response="hunter2"' https://example.com"""
    assert (
        redact(text)[0] == "curl -H 'Authorization: [redacted: authorization]' https://example.com"
    )


@pytest.mark.parametrize(
    "unit",
    [
        "a.",
        "password",
        "token=",
        "-",
        "://a:",
        "eyJa.",
        "$6$",
        "'",
        "a@",
        "-----BEGIN ",
        "YWRh\n",
        "Basic a",
        "mysql -",
        "login a password",
        "Authorization: ",
        'Authorization: x="',
        'Cookie: a="b',
        "Cookie:",
        "[redacted: ",
        "password='[redacted: secret]",
        "<password",
        "password: |\n a\n",
        "\\\n",
    ],
)
def test_no_text_makes_redaction_slow(unit: str) -> None:
    text = unit * (45_000 // len(unit))
    began = time.process_time()
    redact(text, emails=True)
    # It takes a tenth of a second of the processor; what searches again and again takes minutes.
    assert time.process_time() - began < 10


def test_an_answer_to_piped_text(customer: Cli) -> None:
    done = customer.run("ask", "why does this fail?", stdin="DB_PASSWORD=hunter2\nKeyError: 'x'\n")
    assert (done.returncode, done.stdout) == (0, REPLY)
    assert "1 secret removed" in done.stderr
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


def test_a_key_that_the_cut_would_halve_is_taken_out_whole(customer: Cli) -> None:
    key = "-----BEGIN PRIVATE KEY-----\n" + "c2VjcmV0\n" * 8_000 + "-----END PRIVATE KEY-----\n"
    asked = customer.run("ask", "why?", "--ticket", "--json", stdin=key + "it broke\n")
    ticket = json.loads(asked.stdout.splitlines()[-1])["data"]
    assert "c2VjcmV0" not in ticket["description"]
    assert "it broke" in ticket["description"]


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


def test_the_number_of_the_ticket_has_a_line_of_its_own(
    customer: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(*_: object, **__: object) -> Reply:
        out.write("A person takes over.")
        return Reply("A person takes over.")

    out = io.StringIO()
    terminal = Terminal(io.StringIO(), out, io.StringIO(), environment={})
    context = Context(Shared(), customer.environment, terminal)
    monkeypatch.setattr(ask, "follow", answer)
    monkeypatch.setattr(terminal, "read_input", bytes)
    ask.run(ask.AskOptions("why?", ticket=True), context)
    context.close()
    (ticket,) = customer.json("ticket", "list")["items"]
    assert out.getvalue() == f"A person takes over.\n{ticket['id']}\n"
