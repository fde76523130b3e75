"""Articles are cut into passages at their headings, and never inside code."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedx_server.knowledge.passages import LONGEST_PASSAGE, PassageText, split_into_passages

PARAGRAPH = "The export writes one line per record and stops at the end. " * 10


def test_a_passage_begins_at_each_heading() -> None:
    passages = split_into_passages("Opening.\n\n## First\n\nOne.\n\nTwo.\n\n### Second\n\nThree.\n")

    assert passages == [
        PassageText("", "Opening."),
        PassageText("First", "One.\n\nTwo."),
        PassageText("Second", "Three."),
    ]


def test_a_heading_is_kept_as_plain_text() -> None:
    passages = split_into_passages(
        "## Use `seedx serve`\\\nwith *care*\n\nText.\n\nOld\nstyle\n===\n\nMore."
    )

    assert [passage.heading for passage in passages] == ["Use seedx serve\\", "Old style"]


def test_a_heading_inside_code_or_a_quote_does_not_count() -> None:
    content = "## Real\n\n```\n# a comment\n```\n\n> ## quoted\n"

    assert [passage.heading for passage in split_into_passages(content)] == ["Real"]


def test_a_long_section_is_cut_between_paragraphs() -> None:
    passages = split_into_passages("## Long\n\n" + "\n\n".join([PARAGRAPH.strip()] * 5))

    assert len(passages) == 5 // (LONGEST_PASSAGE // len(PARAGRAPH)) + 1
    assert {passage.heading for passage in passages} == {"Long"}
    for passage in passages:
        assert set(passage.text.split("\n\n")) == {PARAGRAPH.strip()}


def test_a_long_paragraph_is_cut_between_words_and_nothing_is_lost() -> None:
    words = " ".join(f"word{number}" for number in range(2_000))

    passages = split_into_passages(words)

    assert " ".join(passage.text for passage in passages) == words
    assert max(len(passage.text) for passage in passages) <= LONGEST_PASSAGE


def test_a_long_list_is_cut_between_its_items() -> None:
    items = [f"- item {number} {'and more ' * 10}".rstrip() for number in range(50)]

    passages = split_into_passages("\n".join(items))

    assert len(passages) > 1
    assert [line for passage in passages for line in passage.text.splitlines()] == items


def test_an_article_of_headings_alone_is_still_one_passage() -> None:
    assert split_into_passages("# Soon\n\n## Later\n") == [PassageText("", "# Soon\n\n## Later")]


@pytest.mark.parametrize("indent", ["", "  "], ids=["at the top", "in a list"])
@given(before=st.integers(0, 40), lines=st.integers(1, 120), after=st.integers(0, 40))
def test_a_fence_is_never_cut(indent: str, before: int, lines: int, after: int) -> None:
    code = [
        f"{indent}{line}" for line in ["```sh", *(f"run step {n}" for n in range(lines)), "```"]
    ]
    first = [] if not indent else ["- a list:"]
    content = "\n".join(
        [*["A line of text.", ""] * before, *first, *code, "", *["More text here.", ""] * after]
    )

    whole = [passage for passage in split_into_passages(content) if "```sh" in passage.text]

    assert len(whole) == 1
    assert "\n".join(code) in whole[0].text


@given(st.text(min_size=1).filter(lambda text: bool(text.strip())))
def test_any_text_becomes_passages_with_text(content: str) -> None:
    passages = split_into_passages(content)

    assert passages
    assert all(passage.text.strip() for passage in passages)


def test_an_article_of_many_headings_is_cut_in_time_that_grows_with_its_length() -> None:
    short, long = (measured("# a\n\nb\n\n" * count) for count in (500, 4_000))

    # Eight times as long; a cut that looked at the whole article for each heading took 64 times.
    assert long < 30 * short


def measured(content: str) -> float:
    """Return the CPU seconds of the fastest of three cuts."""

    def seconds() -> float:
        began = time.process_time()
        split_into_passages(content)
        return time.process_time() - began

    return min(seconds() for _ in range(3))
