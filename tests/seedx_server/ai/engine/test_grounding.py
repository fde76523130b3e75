"""What of a ticket is looked for in the knowledge base."""

import pytest

from seedx_server.ai.engine.grounding import queries_of_question, queries_of_ticket, questions_in


@pytest.mark.parametrize(
    ("text", "questions"),
    [
        ("We moved last week. How do I log in? Thanks!", ["How do I log in?"]),
        ("How do I log in?\nAnd out?", ["How do I log in?", "And out?"]),
        ("It breaks at https://example.com/a?b=c every day.", []),
        ("Why?! It broke.", []),
        ("", []),
        ("Wie? 何?", ["Wie?", "何?"]),
    ],
)
def test_a_question_is_a_sentence_that_ends_with_its_mark(text: str, questions: list[str]) -> None:
    assert questions_in(text) == questions


def test_what_is_asked_outright_is_looked_for_without_its_story() -> None:
    message = "Our boss is nervous about Friday. How do I make a backup? Thanks, Ada"

    assert queries_of_ticket("Help", message) == ["How do I make a backup?"]


def test_a_title_that_asks_is_looked_for_after_the_message() -> None:
    queries = queries_of_ticket("Is my data safe?", "How do I make a backup?")

    assert queries == ["How do I make a backup?", "Is my data safe?"]


def test_a_ticket_that_asks_nothing_is_looked_for_as_a_whole() -> None:
    assert queries_of_ticket("Backups", "They fail.") == ["Backups\nThey fail."]


def test_piped_output_is_looked_for_only_with_its_question() -> None:
    assert queries_of_question("Why?", "error 17") == ["Why?", "Why?\nerror 17"]
    assert queries_of_question("Why?", None) == ["Why?"]
