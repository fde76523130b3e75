"""Finding an account, for `ticket assign` and `user role`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedx_cli.errors import NotFoundError

if TYPE_CHECKING:
    from seedx_cli.client.documents import User
    from seedx_cli.context import Context


def find_user(email: str, context: Context) -> User:
    """Return the account with an e-mail address; upper and lower case make no difference.

    Raises:
        NotFoundError: There is none.
    """
    for user in context.api.users.all():
        if user["email"].casefold() == email.casefold():
            return user
    raise NotFoundError(
        f"There is no account with the address {email}", hint="See all accounts: seedx user list"
    )
