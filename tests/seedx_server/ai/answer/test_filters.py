"""What reaches a customer of what a model writes."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedx_server.ai.answer.filters import AnswerFilter
from seedx_server.ai.answer.markdown_filter import LINK_REMOVED, WINDOW
from seedx_server.ai.providers.protocol import Passage

HELP = "https://desk.example/help/(sign-in)?step=2"
PASSAGES = [
    Passage(1, "sign-in", "Signing in", "", f"See [the page]({HELP}) or www.desk.example.", 0.9),
    Passage(2, "billing", "Billing", "Invoices", "Invoices are monthly.", 0.8),
    Passage(3, "export", "Export", "", "Export from the menu.", 0.7),
]


def filtered(*pieces: str) -> str:
    answer = AnswerFilter(PASSAGES)
    text = ""
    for piece in pieces:
        given_out = answer.feed(piece)
        text = given_out if answer.take_discarded() else text + given_out
    return text + answer.finish()


def cited(text: str) -> list[int]:
    answer = AnswerFilter(PASSAGES)
    answer.feed(text)
    answer.finish()
    return answer.cited


def test_plain_text_passes_unchanged() -> None:
    text = "# Hello\n\n- *one*: 5 < 6, a & b\n- two | three\n\n> That's 100 % of it… 你好 👋\n"
    assert filtered(text) == text


@pytest.mark.parametrize(
    "tag", ["think", "THINK", "Think", "thinking", "thought", "thoughts", "reasoning"]
)
def test_reasoning_never_gets_through(tag: str) -> None:
    assert filtered(f"<{tag}>the customer is a fool</{tag}>\n\nHello.") == "Hello."


@pytest.mark.parametrize("text", ["<think>secret", "<think>secret</thin", "< think >secret"])
def test_reasoning_that_is_never_closed_goes_to_the_end(text: str) -> None:
    assert filtered(text) == ""


def test_a_closing_tag_alone_discards_the_text_before_it() -> None:
    answer = AnswerFilter(PASSAGES)
    assert answer.feed("He is a fool, see [2]. ") == "He is a fool, see [2]."
    assert not answer.take_discarded()
    assert answer.feed("Done.</think>\n\nHello [1]!") == "Hello [1]!"
    assert answer.take_discarded()
    assert not answer.take_discarded()
    assert answer.cited == [1]


def test_reasoning_in_the_middle_goes_even_out_of_code() -> None:
    assert filtered("Type `a<think>b</think>c`.") == "Type `ac`."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[click](https://evil.example)", "[click]"),
        ('[click](https://evil.example "title")', "[click]"),
        ("[click](<https://evil.example/a b>)", "[click]"),
        ("[click](//evil.example)", "[click]"),
        ("[click](javascript:alert(1))", "[click]"),
        ("[click](page.md)", "[click]"),
        ("[click]()", "[click]"),
        ("![pixel](https://evil.example/p.png)", "![pixel]"),
        ("<https://evil.example>", LINK_REMOVED),
        ("<mailto:a@evil.example>", LINK_REMOVED),
        ("go to https://evil.example/a?b=c#d.", f"go to {LINK_REMOVED}."),
        ("go to HTTPS://EVIL.example, now", f"go to {LINK_REMOVED}, now"),
        ("go to www.evil.example!", f"go to {LINK_REMOVED}!"),
        ("ftp://evil.example", LINK_REMOVED),
        ("(https://evil.example/x)", f"({LINK_REMOVED})"),
        ("**https://evil.example**", f"**{LINK_REMOVED}**"),
        ("1https://evil.example", f"1https{LINK_REMOVED}"),
        ("https://" + "e" * 3 * WINDOW + " end", f"{LINK_REMOVED} end"),
        ("www." + "e" * 3 * WINDOW + " end", f"{LINK_REMOVED} end"),
        ("[a]: https://evil.example", f"[a] : {LINK_REMOVED}"),
        ("[1]: //evil.example", "[1] : //evil.example"),
        ('<a href="//evil.example">x</a>', '\\<a href="//evil.example">x\\</a>'),
        ("[" + "long " * WINDOW + "](https://evil.example)", "[" + "long " * WINDOW + "]"),
        ("[x](" + "a " * WINDOW + ")", "[x] (" + "a " * WINDOW + ")"),
        ("[https://evil.example](page)", f"[{LINK_REMOVED}]"),
        ("\\[x](https://evil.example)", "\\[x]"),
    ],
)
def test_links_of_the_models_own_lose_their_address(text: str, expected: str) -> None:
    assert filtered(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        f"[the page]({HELP})",
        f"<{HELP}>",
        f"See {HELP}.",
        f"See {HELP}/, please",
        "www.desk.example",
        f"({HELP})",
    ],
)
def test_links_of_the_passages_stay(text: str) -> None:
    assert filtered(text) == text


@pytest.mark.parametrize(
    "text",
    [f"{HELP}@evil.example", f"{HELP}.evil.example", f"{HELP}。evil.example", f"{HELP}&x=secret"],
)
def test_an_address_that_only_begins_like_a_passages_goes(text: str) -> None:
    assert filtered(text).startswith(LINK_REMOVED)


@pytest.mark.parametrize(
    ("text", "expected", "numbers"),
    [
        ("Sign out [1].", "Sign out [1].", [1]),
        ("Both [2][1], again [2].", "Both [2][1], again [2].", [2, 1]),
        ("Both [2, 1].", "Both [2][1].", [2, 1]),
        ("All [1, 7; 3].", "All [1][3].", [1, 3]),
        ("Sure 【2†L1-L4】.", "Sure [2].", [2]),
        ("Sure 【2】.", "Sure [2].", [2]),
        ("Made up [7].", "Made up.", []),
        ("Made up 【9†source】.", "Made up.", []),
        ("Made up [0] and [12].", "Made up and.", []),
        ("[1](https://evil.example)", "[1]", [1]),
        ("a [note] and [x1]", "a [note] and [x1]", []),
    ],
)
def test_citations_are_numbers_of_passages(text: str, expected: str, numbers: list[int]) -> None:
    assert filtered(text) == expected
    assert cited(text) == numbers


@pytest.mark.parametrize(
    "text",
    [
        "Run `curl https://any.example | tee [9] <file>` now.",
        "``a ` [9]`` done",
        "```sh\ncurl https://any.example # [9]\n```\n",
        "~~~\n<a href='https://any.example'>\n~~~\n",
        "1. Run:\n\n   ```sh\n   curl https://any.example\n   ```\n2. Done.",
        "1. Run:\n    ```sh\n    curl https://any.example\n    ```\n",
        "- a\n  - b\n    ```\n    list[9]\n    ```\n",
        "> ```\n> list[9] https://any.example\n> ```\n",
        "```\nno end https://any.example",
        "````\n```\nhttps://any.example\n```\n````\n",
        "``` a\n    ```\nhttps://any.example",
    ],
)
def test_code_stays_as_it_is(text: str) -> None:
    assert filtered(text) == text
    assert cited(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "An open ` tick https://evil.example",
        "An open ` tick\nhttps://evil.example ` there",
        "An escaped \\` tick https://evil.example `",
        "```sh\nls\n```\nhttps://evil.example",
        "```no`fence\nhttps://evil.example",
        "Text\n    ```\nhttps://evil.example",
        "Text\n    ```\n    https://evil.example",
        "- a\n  ```\nhttps://evil.example",
        "> ```\nhttps://evil.example",
        "`" + "x" * WINDOW + " https://evil.example`",
    ],
)
def test_what_only_looks_like_code_is_filtered(text: str) -> None:
    assert "evil.example" not in filtered(text)


MARKS = [
    *["[", "]", "(", ")", "<", ">", "`", "```", "~~~", "\\", "\n", "\n\n", " ", "    ", "- ", "> "],
    *[
        "1. ",
        "https://evil.example",
        HELP,
        "www.",
        "://",
        "[1]",
        "[2, 9]",
        "【3†L】",
        "](",
        "]:",
        "!",
    ],
    *["<think>", "</think>", "<", "thi", "word", "é", "。", "\t", "\r\n", "x" * 30, "[7]", "`a`"],
]
texts = st.lists(st.sampled_from(MARKS), max_size=40).map("".join) | st.text(
    alphabet="[]()<>`~\\\n -.1:/aw【】†x\r\t", max_size=200
)


@settings(deadline=None)  # the machine may be busy
@given(texts, st.data())
def test_the_borders_of_the_pieces_make_no_difference(text: str, data: st.DataObject) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(text)), max_size=20).map(sorted))
    borders = [0, *cuts, len(text)]
    pieces = [text[start:end] for start, end in itertools.pairwise(borders)]
    assert filtered(*pieces) == filtered(text)
    assert filtered(*text) == filtered(text)


@settings(deadline=None)  # the machine may be busy
@given(st.lists(st.sampled_from(MARKS), max_size=120).map("".join))
def test_little_is_held_back(text: str) -> None:
    answer = AnswerFilter(PASSAGES)
    for character in text:
        answer.feed(character)
    assert len(answer.finish()) <= 2 * WINDOW  # an escaped character counts twice
