"""Checks that a document is what a SeedX server sends: any program may listen on a port."""

from __future__ import annotations

from functools import lru_cache
from types import UnionType
from typing import (
    Literal,
    NotRequired,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from seedx_cli.errors import BadResponseError

T = TypeVar("T")


def checked(value: object, shape: type[T]) -> T:
    """Check a document's fields and their types, and return it; other fields are kept.

    Args:
        value: The document as it was read from JSON.
        shape: A `TypedDict` of `documents`, or another type that its fields may have.

    Raises:
        BadResponseError: A field is missing or has another type.
    """
    if not fits(value, shape):
        name = getattr(shape, "__name__", str(shape))
        raise BadResponseError(f"something that is not a {name}")
    return cast("T", value)


def fits(value: object, shape: object) -> bool:
    """Whether a document has the fields and the types of a shape."""
    origin, parts = get_origin(shape), get_args(shape)
    if origin in {Union, UnionType}:
        return any(fits(value, part) for part in parts)
    if origin is NotRequired:
        return fits(value, parts[0])
    if origin is list:
        return isinstance(value, list) and all(fits(item, parts[0]) for item in value)
    if is_typeddict(shape):
        return isinstance(value, dict) and _has_fields(value, cast("type", shape))
    # A newer server may know more words than this client.
    if origin is Literal:
        shape = str
    if isinstance(value, bool):
        return shape is bool
    return isinstance(value, (int, float) if shape is float else cast("type", shape))


def _has_fields(document: dict[object, object], shape: type) -> bool:
    return all(
        fits(document[name], hint) if name in document else not required
        for name, (hint, required) in _fields(shape).items()
    )


@lru_cache
def _fields(shape: type) -> dict[str, tuple[object, bool]]:
    """Return the fields of a `TypedDict`: the type of each, and whether it is required."""
    total: bool = getattr(shape, "__total__", True)
    return {
        name: (hint, total and get_origin(hint) is not NotRequired)
        for name, hint in get_type_hints(shape, include_extras=True).items()
    }
