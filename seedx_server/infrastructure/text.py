"""What text from outside must be before it may enter the database."""

from typing import Annotated

from pydantic import AfterValidator


def storable(value: str) -> str:
    """Return the text if PostgreSQL can keep it.

    Raises:
        ValueError: It holds NUL characters or lone surrogates.
    """
    if "\x00" in value:
        raise ValueError("must not contain NUL characters")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise ValueError("must be valid Unicode text")
    return value


def not_blank(value: str) -> str:
    """Return the text if it is more than white space.

    Raises:
        ValueError: It is blank.
    """
    if not value.strip():
        raise ValueError("must not be blank")
    return value


PlainText = Annotated[str, AfterValidator(storable), AfterValidator(not_blank)]
