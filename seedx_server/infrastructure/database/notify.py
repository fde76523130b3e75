"""One LISTEN connection per process; its notifications wake waiters.

A notification only says that something changed; what changed is read from the tables. While the
connection is down, no notification arrives, so every waiter also polls, and `connected` tells
whether state in memory is up to date.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import psycopg
from psycopg.conninfo import make_conninfo
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from seedx_server.infrastructure.database.engine import CONNECTION

logger = logging.getLogger(__name__)

CHANNEL = "seedx"
RECONNECT_SECONDS = 0.5

Listener = Callable[[str], None]


async def notify(session: AsyncSession, *topics: str) -> None:
    """Notify every server process, when the session commits, that these topics changed.

    Args:
        session: The session whose commit sends the notification.
        topics: The topics, such as `ticket:7` or `run:12`.
    """
    if topics:
        await session.execute(select(*(func.pg_notify(CHANNEL, topic) for topic in topics)))


class Notifier:
    """Receives notifications and wakes the waiters of a topic.

    Args:
        address: The address of the database itself, not of a pooler in transaction mode.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._waiters: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._listeners: list[tuple[str, Listener]] = []
        self._on_connect: list[Callable[[], Awaitable[None]]] = []
        self._task: asyncio.Task[None] | None = None
        self.connected = asyncio.Event()

    async def start(self) -> None:
        """Start listening, in the background."""
        self._task = asyncio.create_task(self._listen_forever(), name="notifier")

    async def stop(self) -> None:
        """Stop listening and wake all waiters."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        self.wake_all()

    def on_topic(self, prefix: str, listener: Listener) -> None:
        """Call `listener` for each topic that begins with `prefix:`, with the rest of the topic."""
        self._listeners.append((f"{prefix}:", listener))

    def on_connect(self, listener: Callable[[], Awaitable[None]]) -> None:
        """Await `listener` on each (re)connection: notifications may have been missed."""
        self._on_connect.append(listener)

    @contextmanager
    def subscribed(self, *topics: str) -> Iterator[asyncio.Event]:
        """Give an event that is set whenever one of the topics changes.

        A reader clears the event, reads, then waits for it: a change between the read and
        the wait is not missed.
        """
        event = asyncio.Event()
        for topic in topics:
            self._waiters[topic].add(event)
        try:
            yield event
        finally:
            for topic in topics:
                self._waiters[topic].discard(event)
                if not self._waiters[topic]:
                    del self._waiters[topic]

    def wake(self, topic: str) -> None:
        """Wake the waiters of a topic in this process."""
        for event in tuple(self._waiters.get(topic, ())):
            event.set()

    def wake_all(self) -> None:
        """Wake every waiter in this process."""
        for topic in tuple(self._waiters):
            self.wake(topic)

    async def _listen_forever(self) -> None:
        while True:
            try:
                await self._listen()
            except (psycopg.Error, SQLAlchemyError, OSError) as error:
                logger.warning("lost the connection for notifications: %s", error)
            except Exception:  # a process that no longer listens looks healthy
                logger.exception("could not handle a notification, will listen again")
            finally:
                self.connected.clear()
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _listen(self) -> None:
        connection = await psycopg.AsyncConnection.connect(
            make_conninfo(self._address, **CONNECTION), autocommit=True
        )
        async with connection:
            await connection.execute(f"LISTEN {CHANNEL}")
            for catch_up in self._on_connect:
                await catch_up()
            self.connected.set()
            self.wake_all()
            async for notification in connection.notifies():
                self._hear(notification.payload)

    def _hear(self, topic: str) -> None:
        self.wake(topic)
        for prefix, listener in self._listeners:
            if topic.startswith(prefix):
                listener(topic.removeprefix(prefix))
