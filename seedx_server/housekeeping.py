"""Deletes expired rows every hour."""

import logging
import random
from asyncio import sleep
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError

from seedx_server.infrastructure.database.engine import OUTAGE, Sessions
from seedx_server.infrastructure.web import idempotency
from seedx_server.users import repository as users

logger = logging.getLogger(__name__)

INTERVAL = timedelta(hours=1)
LONGEST_DELAY = timedelta(seconds=30)
"""The first clean-up is delayed by up to this, so that processes do not all start together."""


async def clean_up(sessions: Sessions, refresh_life: timedelta) -> None:
    """Delete expired idempotency keys, expired sessions and old refresh tokens.

    Args:
        sessions: Makes sessions.
        refresh_life: How long a refresh token is valid; a spent one is kept as long.
    """
    await idempotency.delete_expired(sessions)
    await users.delete_expired(sessions, refresh_life)


async def clean_forever(sessions: Sessions, refresh_life: timedelta) -> None:
    """Clean up soon after the start and then every hour, until cancelled.

    Any number of processes may do so at the same time.
    """
    delay = LONGEST_DELAY.total_seconds() * random.random()  # noqa: S311  # no secret
    while True:
        await sleep(delay)
        delay = INTERVAL.total_seconds()
        try:
            await clean_up(sessions, refresh_life)
        except (SQLAlchemyError, *OUTAGE) as error:
            logger.warning("could not clean up the database, will try again: %s", error)
