"""Actors and their roles."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """The role of an account."""

    CUSTOMER = "customer"
    AGENT = "agent"
    ADMIN = "admin"


STAFF = frozenset({Role.AGENT, Role.ADMIN})


@dataclass(frozen=True, slots=True)
class Actor:
    """The person on whose behalf a request reads or changes something.

    Attributes:
        id: The user's id.
        role: The role their access token carries.
        name: The name their access token carries.
        session_id: The session that the access token belongs to.
    """

    id: int
    role: Role
    name: str
    session_id: int

    @property
    def is_staff(self) -> bool:
        """Whether the actor is an agent or an admin."""
        return self.role in STAFF
