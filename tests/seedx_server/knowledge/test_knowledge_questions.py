"""A question becomes the things it speaks of, with other words for them."""

from hypothesis import given
from hypothesis import strategies as st

from seedx_server.knowledge.questions import (
    LONGEST_WORD,
    MOST_CONCEPTS,
    Concept,
    concepts_of,
)


def words(question: str) -> list[str]:
    return [concept.words for concept in concepts_of(question)]


def synonyms(question: str) -> set[str]:
    (concept,) = concepts_of(question)
    return set(concept.synonyms)


def test_words_without_meaning_of_their_own_are_left_out() -> None:
    assert words("How do I please get a refund for it?") == ["refund"]


def test_a_thing_counts_once_whatever_its_form() -> None:
    assert words("Refunds! Refunded? A refund.") == ["refunds"]


def test_words_that_belong_together_are_one_thing() -> None:
    assert words("log out of the dashboard") == ["log out", "dashboard"]


def test_a_thing_has_other_words() -> None:
    assert {"sign out", "logout"} <= synonyms("log out")
    assert "delete" in synonyms("removing")


def test_a_misspelled_word_has_the_synonyms_of_the_right_one() -> None:
    assert {"password", "passphrase"} <= synonyms("pasword")


def test_an_unknown_word_has_none() -> None:
    assert concepts_of("frobnicate") == [Concept("frobnicate", ())]


def test_a_long_message_is_searched_by_its_beginning() -> None:
    found = words(" ".join(f"name{number}" for number in range(10_000)))

    assert found == [f"name{number}" for number in range(MOST_CONCEPTS)]


def test_a_word_that_is_too_long_is_left_out() -> None:
    assert words("x" * (LONGEST_WORD + 1) + " refund") == ["refund"]


@given(st.text())
def test_any_text_is_a_question(question: str) -> None:
    assert len(concepts_of(question)) <= MOST_CONCEPTS
