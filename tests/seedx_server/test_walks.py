"""The architecture's walks through the server name what really happens."""

import pytest

from tests.factories import Desk
from tests.runs import reply_path
from tests.streams import followed
from tests.walks import files_at_work, missing_functions, walk

MESSAGE = "One message"
REPLY = "One reply"
EVERY_REQUEST = "Every request"


@pytest.mark.parametrize("title", [MESSAGE, REPLY, EVERY_REQUEST])
def test_every_function_that_a_walk_names_is_defined(title: str) -> None:
    assert missing_functions(walk(title)) == []


async def test_a_message_takes_the_way_that_is_described(desk: Desk) -> None:
    customer = await desk.customer("Cleo")
    ticket = await customer.ticket()
    with files_at_work("seedx_server") as files:
        await customer.message(ticket, "It still breaks.", Idempotency_Key="once")

    assert files == {*walk(MESSAGE), *walk(EVERY_REQUEST)}


async def test_a_reply_takes_the_way_that_is_described(groq_desk: Desk) -> None:
    customer = await groq_desk.customer("Cleo")
    ticket = await customer.ticket()
    with files_at_work("seedx_server") as files:
        await followed(customer, reply_path(ticket))

    assert files == {*walk(REPLY), *walk(EVERY_REQUEST)}
