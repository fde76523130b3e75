"""Schemas of accounts: pure."""

from datetime import datetime
from typing import Annotated, Literal

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from zxcvbn import zxcvbn

from seedx_server.infrastructure.access import Role
from seedx_server.infrastructure.schemas import StrictBody
from seedx_server.infrastructure.text import plain, storable

LONGEST_EMAIL = 320
LONGEST_PASSWORD = 1_024

FEWEST_GUESSES = 16_000
"""A password that zxcvbn expects to be guessed with fewer attempts is refused as common.

Source: D. L. Wheeler, "zxcvbn: Low-Budget Password Strength Estimation", USENIX Security 2016.
"""
JUDGED_CHARACTERS = 32
SYMBOLS_AS_LETTERS = str.maketrans("@({[<!|$+%", "acccc1lstx")
"""Symbols that stand for letters in passwords. zxcvbn tries every combination of readings,
which takes seconds for a password made for that purpose; with the symbols translated first, it
takes milliseconds."""


def normalised_email(value: str) -> str:
    """Return the address in lower case and NFC, the form in which it is stored and compared.

    Raises:
        ValueError: It is not an e-mail address.
    """
    try:
        # Desks inside a company use names such as `desk.local`.
        address = validate_email(
            value.strip(), check_deliverability=False, globally_deliverable=False
        )
    except EmailNotValidError as error:
        raise ValueError(f"is not an e-mail address: {error}") from None
    return address.normalized.lower()


def uncommon(password: str) -> str:
    """Return the password unless attackers would try it early.

    Raises:
        ValueError: It is common.
    """
    judged = password[:JUDGED_CHARACTERS].translate(SYMBOLS_AS_LETTERS)
    if zxcvbn(judged)["guesses"] < FEWEST_GUESSES:
        raise ValueError("is too easy to guess; a few unrelated words make a better one")
    return password


Email = Annotated[
    str, StringConstraints(max_length=LONGEST_EMAIL), AfterValidator(normalised_email)
]
Name = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=100), AfterValidator(plain)
]
NewPassword = Annotated[
    str,
    StringConstraints(min_length=10, max_length=LONGEST_PASSWORD),
    AfterValidator(storable),
    AfterValidator(uncommon),
]


class SignUp(BaseModel):
    """Request body for signing up."""

    name: Name
    email: Email
    password: NewPassword = Field(description="10 to 1,024 characters, and not a common password.")


class Login(BaseModel):
    """Request body for signing in. The rules for new passwords do not apply here."""

    email: Annotated[str, StringConstraints(max_length=LONGEST_EMAIL)]
    password: Annotated[str, StringConstraints(max_length=LONGEST_PASSWORD)]


class RefreshRequest(BaseModel):
    """Request body for exchanging a refresh token."""

    refresh_token: Annotated[str, StringConstraints(max_length=256)]


class UserPatch(StrictBody):
    """Request body for changing an account; absent fields keep their values."""

    role: Role | None = None
    disabled: bool | None = None


class UserDocument(BaseModel):
    """An account as its owner sees it."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    email: str
    role: Role
    created_at: datetime


class ManagedUserDocument(UserDocument):
    """An account as an admin sees it."""

    disabled: bool


class UserPage(BaseModel):
    """A page of accounts, newest first."""

    items: list[ManagedUserDocument]
    next_cursor: str | None


class StaffMember(BaseModel):
    """A member of staff as other staff see them."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    email: str
    role: Role


class StaffList(BaseModel):
    """The people whom a ticket can be assigned to, by name."""

    items: list[StaffMember]


class SessionDocument(BaseModel):
    """A session: its tokens and its account."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105  # RFC 6749's word, no secret
    expires_in: int = Field(description="Seconds until the access token expires.")
    refresh_token: str
    user: UserDocument
