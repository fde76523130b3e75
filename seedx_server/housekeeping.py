"""Deletes rows that are no longer of use, every hour."""

import asyncio
import logging
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError

from seedx_server.infrastructure.database.engine import Sessions
from seedx_server.infrastructure.web import idempotency
from seedx_server.users.repository import SessionRepository

logger = logging.getLogger(__name__)

FIRST = timedelta(minutes=1)
INTERVAL = timedelta(hours=1)


async def tidy(sessions: Sessions, refresh_life: timedelta) -> None:
    """Delete idempotency keys past their day, and sign-ins and refresh tokens that are over.

    Args:
        sessions: Makes sessions.
        refresh_life: How long a refresh token is good. A spent one is remembered as long.
    """
    async with sessions() as session, session.begin():
        await idempotency.forget_old(session)
        await SessionRepository(session).forget_old(refresh_life)


async def tidy_forever(sessions: Sessions, refresh_life: timedelta) -> None:
    """Tidy soon and then every hour until cancelled; several processes may do so at once."""
    wait = FIRST
    while True:
        await asyncio.sleep(wait.total_seconds())
        wait = INTERVAL
        try:
            await tidy(sessions, refresh_life)
        except (SQLAlchemyError, OSError) as error:
            logger.warning("could not tidy the database, will try again: %s", error)
