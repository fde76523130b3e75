"""Checks and parses text from outside, and normalises or shortens it."""


def storable(value: str) -> str:
    """Return the text if PostgreSQL can store it.

    Raises:
        ValueError: It contains NUL characters or lone surrogates.
    """
    if "\x00" in value:
        raise ValueError("must not contain NUL characters")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("must be valid Unicode text") from None
    return value


def plain(value: str) -> str:
    """Return the text if it is not blank and PostgreSQL can store it.

    Raises:
        ValueError: It is blank, or contains NUL characters or lone surrogates.
    """
    if not value.strip():
        raise ValueError("must not be blank")
    return storable(value)


def label(value: str) -> str:
    """Return the text if it is one word without commas, as tags are.

    Raises:
        ValueError: It is not one word, contains a comma, or cannot be stored.
    """
    if "," in value or len(value.split()) != 1:
        raise ValueError("must be one word without commas")
    return storable(value)


def distinct(tags: list[str]) -> list[str]:
    """Return the tags in lower case, without duplicates, in their order."""
    return list(dict.fromkeys(tag.lower() for tag in tags))


def whole_number(value: str, largest: int) -> int | None:
    """Return the number that ASCII digits spell, or None if it is not one from 0 to `largest`."""
    # The length comes first: Python refuses to read thousands of digits.
    is_short_enough = value.isascii() and value.isdecimal() and len(value) <= len(str(largest))
    number = int(value) if is_short_enough else None
    return number if number is not None and number <= largest else None


def in_one_line(value: str, longest: int) -> str:
    """Return the text on one line, shortened to at most `longest` characters."""
    value = " ".join(value.split())
    return value if len(value) <= longest else value[: longest - 1] + "…"
