"""The scripted AI leaves nothing open, whenever it is stopped."""

import asyncio
import contextlib
import socket

import pytest

from tests.fake_upstream import FakeUpstream
from tests.waiting import PATIENCE_SECONDS


@pytest.mark.parametrize("turns", range(6))
async def test_a_connection_that_comes_as_it_stops_is_closed(turns: int) -> None:
    with socket.socket() as caller:
        async with FakeUpstream() as upstream:
            caller.connect(("127.0.0.1", upstream.port))
            for _ in range(turns):
                await asyncio.sleep(0)

        # Nothing is left to read but the end, and no_leaks finds nothing.
        caller.settimeout(PATIENCE_SECONDS)
        with contextlib.suppress(ConnectionResetError):
            assert caller.recv(1) == b""
