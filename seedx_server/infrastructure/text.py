"""Checks that text from outside passes before it enters the database."""


def storable(value: str) -> str:
    """Return the text if PostgreSQL can keep it.

    Raises:
        ValueError: It holds NUL characters or lone surrogates.
    """
    if "\x00" in value:
        raise ValueError("must not contain NUL characters")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("must be valid Unicode text") from None
    return value


def plain(value: str) -> str:
    """Return the text if PostgreSQL can keep it and it is more than white space.

    Raises:
        ValueError: It is blank, or holds NUL characters or lone surrogates.
    """
    if not value.strip():
        raise ValueError("must not be blank")
    return storable(value)


def label(value: str) -> str:
    """Return the text if it is one word without commas, as tags are.

    Raises:
        ValueError: It is more than that, or cannot be kept.
    """
    if "," in value or len(value.split()) != 1:
        raise ValueError("must be one word without commas")
    return storable(value)


def distinct(tags: list[str]) -> list[str]:
    """Return the tags in lower case, each once, in their order."""
    return list(dict.fromkeys(tag.lower() for tag in tags))
