"""Tickets on the command line, in pipes."""

import json
from pathlib import Path

from tests.seedx_cli.conftest import REPLY
from tests.seedx_cli.process import Cli


def open_ticket(cli: Cli, title: str = "Printer on fire", body: str = "It smokes.") -> str:
    return cli.ok("ticket", "new", "-t", title, "-b", body).strip()


def unsent(cli: Cli) -> list[Path]:
    return list((cli.folder / "config" / "unsent").glob("*"))


def test_a_new_ticket_prints_its_number_in_a_pipe(customer: Cli) -> None:
    number = open_ticket(customer)
    ticket = customer.json("ticket", "show", f"#{number}")
    assert (ticket["title"], ticket["description"]) == ("Printer on fire", "It smokes.")
    assert unsent(customer) == []


def test_the_text_comes_from_a_pipe_or_a_file(customer: Cli) -> None:
    piped = customer.ok("ticket", "new", "-t", "Logs", "-F", "-", stdin="line 1\nline 2\n")
    assert customer.json("ticket", "show", piped.strip())["description"] == "line 1\nline 2"
    (customer.folder / "body.md").write_text("from a file")
    filed = customer.ok("ticket", "new", "-t", "File", "-F", "body.md")
    assert customer.json("ticket", "show", filed.strip())["description"] == "from a file"


def test_a_list_in_a_pipe_is_whole_lines_with_tabs(customer: Cli) -> None:
    title = "A title that is much longer than any terminal would show of it " * 3
    number = open_ticket(customer, title=title.strip())
    (line,) = customer.ok("ticket", "list").splitlines()
    cells = line.split("\t")
    assert cells[:4] == [number, "open", "normal", title.strip()]
    assert cells[6].startswith("20")
    assert cells[6].endswith("Z")


def test_a_list_is_filtered_and_limited(customer: Cli) -> None:
    numbers = [open_ticket(customer, title=f"Ticket {index}") for index in range(3)]
    customer.ok("ticket", "close", numbers[0])
    open_ones = customer.json("ticket", "list", "--status", "open")["items"]
    assert [str(ticket["id"]) for ticket in open_ones] == [numbers[2], numbers[1]]
    page = customer.json("ticket", "list", "--limit", "2")
    assert len(page["items"]) == 2
    assert page["next_cursor"]
    assert len(customer.ok("ticket", "list", "--all").splitlines()) == 3


def test_closing_and_reopening(customer: Cli) -> None:
    number = open_ticket(customer)
    assert customer.json("ticket", "close", number)["status"] == "closed"
    assert customer.json("ticket", "reopen", number)["status"] == "open"


def test_a_reply_that_is_refused_is_kept_and_can_be_recovered(customer: Cli) -> None:
    number = open_ticket(customer)
    customer.ok("ticket", "close", number)
    done = customer.run("ticket", "reply", number, "-b", "Words that took an hour")
    assert done.returncode == 1
    (kept,) = unsent(customer)
    assert kept.read_text() == "Words that took an hour\n"
    assert f"--recover {kept}" in done.stderr
    customer.ok("ticket", "reopen", number)
    customer.ok("ticket", "reply", number, "--recover", str(kept))
    last = customer.json("ticket", "show", number)["messages"][-1]
    assert last["content"] == "Words that took an hour"
    assert unsent(customer) == []


def test_a_new_ticket_survives_a_server_that_is_away(customer: Cli) -> None:
    done = customer.run(
        *("ticket", "new", "-t", "Title", "-b", "Body", "--server", "http://127.0.0.1:1"),
        SEEDX_TOKEN="any",
    )
    assert done.returncode == 1
    assert "Nothing listens at http://127.0.0.1:1" in done.stderr
    (kept,) = unsent(customer)
    number = customer.ok("ticket", "new", "--recover", str(kept)).strip()
    ticket = customer.json("ticket", "show", number)
    assert (ticket["title"], ticket["description"]) == ("Title", "Body")


def test_a_ticket_that_could_not_be_opened_keeps_its_options(customer: Cli) -> None:
    done = customer.run(
        *("ticket", "new", "-t", "T", "-b", "B", "--priority", "urgent", "--tag", "two words"),
        *("--tag", "b", "--ai"),
        SEEDX_TOKEN="refused",
    )
    (kept,) = unsent(customer)
    command = "seedx ticket new --priority urgent --tag 'two words' --tag b --ai --recover"
    assert f"{command} {kept}\n" in done.stderr


def test_the_editor_asks_for_a_title_only_if_none_was_given(customer: Cli) -> None:
    editor = customer.folder / "editor"
    editor.write_text('#!/bin/sh\ncp "$1" seen\necho "It smokes." > "$1"\n')
    editor.chmod(0o755)
    customer.screen("ticket", "new", "-t", "Printer", EDITOR=str(editor))
    assert "title on the first line" not in (customer.folder / "seen").read_text()
    assert "Describe the problem: Printer\n" in (customer.folder / "seen").read_text()
    (ticket,) = customer.json("ticket", "list")["items"]
    assert (ticket["title"], ticket["description"]) == ("Printer", "It smokes.")
    customer.screen("ticket", "new", EDITOR=str(editor))
    assert "title on the first line" in (customer.folder / "seen").read_text()


def test_a_change_that_is_refused_leads_to_the_ticket_by_its_number(
    customer: Cli, staff: Cli
) -> None:
    number = open_ticket(customer)
    staff.ok("ticket", "close", number)
    done = staff.run("ticket", "edit", number, "--status", "pending")
    assert done.returncode == 1
    assert done.stderr.endswith(f"See its status: seedx ticket show {number}\n")


def test_a_kept_text_is_sent_by_the_profile_it_was_written_in(customer: Cli) -> None:
    done = customer.run("ticket", "reply", "1", "-b", "Words", "--profile", "my work")
    (kept,) = unsent(customer)
    told = done.stderr.splitlines()[1:]
    assert told == [
        "  Sign in: seedx login --profile 'my work'",
        "  Your text is kept. Send it: seedx ticket reply 1 "
        f"--recover {kept} --profile 'my work'",
    ]


def test_sending_the_same_kept_text_twice_makes_one_ticket(customer: Cli) -> None:
    customer.run("ticket", "new", "-t", "T", "-b", "B", SEEDX_TOKEN="refused")
    (kept,) = unsent(customer)
    text = kept.read_text()
    first = customer.ok("ticket", "new", "--recover", str(kept))
    kept.write_text(text)
    assert customer.ok("ticket", "new", "--recover", str(kept)) == first


def test_errors_under_json_are_objects(customer: Cli) -> None:
    done = customer.run("ticket", "show", "999999999", "--json")
    assert done.returncode == 5
    told = json.loads(done.stderr)
    assert told["code"] == "not_found"
    assert set(told) == {"code", "message", "hint"}
    assert done.stdout == ""


def test_wrong_usage_is_told_in_two_lines(customer: Cli) -> None:
    for words, expected in (
        (("tickt",), "Did you mean 'ticket'?"),
        (("ticket", "lst"), "Did you mean 'list'"),
        (("ticket", "list", "--status", "opne"), "Did you mean 'open'?"),
        (("ticket", "show", "printer"), "not a ticket number"),
        (("ticket", "new", "-t", "x"), "--body"),
        (("ticket", "new"), "--title, and --body"),
        (("config", "get", "colour"), "no setting"),
        (("ticket", "list", "--server", "ftp://x"), "not a server URL"),
    ):
        done = customer.run(*words)
        assert done.returncode == 2, words
        assert expected in done.stderr
        assert len(done.stderr.splitlines()) <= 2


def test_the_ai_in_a_pipe_is_the_raw_markdown_and_nothing_else(customer: Cli) -> None:
    number = open_ticket(customer)
    assert customer.ok("ai", number) == REPLY
    assert customer.json("ticket", "show", number)["messages"][-1]["is_ai"]


def test_the_ai_answers_a_message_added_first(customer: Cli) -> None:
    number = open_ticket(customer)
    customer.ok("ai", number, "-m", "And now?")
    messages = customer.json("ticket", "show", number)["messages"]
    assert [message["is_ai"] for message in messages] == [False, True]


def test_the_ai_as_json_is_one_event_a_line(customer: Cli) -> None:
    number = open_ticket(customer)
    lines = [json.loads(line) for line in customer.ok("ai", number, "--json").splitlines()]
    assert all(set(line) == {"event", "id", "data"} for line in lines)
    assert lines[0]["event"] == "run"
    assert lines[-1]["event"] == "done"
    text = "".join(line["data"]["content"] for line in lines if line["event"] == "message")
    assert text == REPLY


def test_a_new_ticket_with_ai_streams_at_once(customer: Cli) -> None:
    done = customer.ok("ticket", "new", "-t", "T", "-b", "B", "--ai")
    assert done.splitlines()[0].isdigit()
    assert REPLY in done
    screen = customer.screen("ticket", "new", "-t", "T", "-b", "B", "--ai")
    assert "Opened ticket" in screen.text
    assert "Ask the AI" not in screen.text


def test_a_reply_is_rated(customer: Cli) -> None:
    number = open_ticket(customer)
    assert customer.run("ai", number, "--rate", "up").returncode == 1
    customer.ok("ai", number)
    rated = customer.json("ai", number, "--rate", "down", "--reason", "No plug there.")
    assert (rated["rating"], rated["reason"]) == ("down", "No plug there.")
    (reply,) = customer.json("ticket", "show", number)["messages"]
    assert rated["message_id"] == reply["id"]


def test_customers_cannot_do_what_staff_do(customer: Cli) -> None:
    number = open_ticket(customer)
    for words in (("ticket", "claim"), ("ai", number, "--draft"), ("user", "list")):
        assert customer.run(*words).returncode == 4, words


def test_staff_work_the_queue(customer: Cli, staff: Cli) -> None:
    number = open_ticket(customer)
    staff.ok("ticket", "edit", number, "--priority", "urgent", "--tag", "fire")
    claimed = staff.json("ticket", "claim")
    assert claimed["priority"] == "urgent"
    assert claimed["assignee"]["name"] == "Kim"
    mine = staff.json("ticket", "list", "--mine", "--all")["items"]
    assert claimed["id"] in [ticket["id"] for ticket in mine]
    assert staff.json("ticket", "assign", number, "nobody")["assignee"] is None
    assert staff.json("ticket", "assign", number, "me")["assignee"]["name"] == "Kim"
    address = staff.json("whoami")["email"]
    assert staff.json("ticket", "assign", number, address.upper())["assignee"]["name"] == "Kim"
    mine = staff.json("ticket", "list", "--assignee", address)["items"]
    assert int(number) in [ticket["id"] for ticket in mine]
    staff.ok("ticket", "note", number, "-b", "for staff")
    assert "for staff" in staff.ok("ticket", "show", number)
    assert "for staff" not in customer.ok("ticket", "show", number)


def test_a_draft_is_sent_as_the_persons_own_reply(customer: Cli, staff: Cli) -> None:
    number = open_ticket(customer)
    staff.ok("ai", number, "--draft", "--send")
    last = customer.json("ticket", "show", number)["messages"][-1]
    assert (last["is_ai"], last["author"]["name"]) == (False, "Kim")
    assert last["content"] == REPLY


def test_a_hostile_title_cannot_drive_the_terminal(customer: Cli) -> None:
    title = "pay\u202eme \x1b]52;c;aGk=\x07 \x1b[2J[/oops] \u2028x"
    number = open_ticket(customer, title=title, body="a\x1b[31mb\x9bc")
    for words in (("ticket", "list"), ("ticket", "show", number)):
        piped = customer.ok(*words)
        seen = customer.screen(*words).raw.decode()
        for output in (piped, seen):
            assert not set(output) & set("\x07\x9b\u202e\u2028")
        assert "\x1b" not in piped
        assert "\x1b]" not in seen
        assert "\x1b[2J" not in seen
        assert "[/oops]" in piped
    assert customer.ok("ticket", "show", number, "--json").isascii()
