"""The documents that the client reads are those that the server says it sends."""

from types import NoneType
from typing import Any, Literal, NotRequired, get_args, get_origin, get_type_hints, is_typeddict

import pytest

from seedx_cli.client import documents
from seedx_cli.parsing.arguments import PRIORITIES, ROLES, STATUSES
from seedx_server.app import create_app
from tests.seedx_server.conftest import settings_on

Schemas = dict[str, dict[str, Any]]

SENT: dict[type, tuple[str, ...]] = {
    documents.User: ("UserDocument", "ManagedUserDocument"),
    documents.Login: ("SessionDocument",),
    documents.Person: ("Person", "Author"),
    documents.Citation: ("Citation",),
    documents.Message: ("MessageDocument",),
    documents.Ticket: ("TicketDocument", "ConversationDocument"),
    documents.TicketPage: ("TicketPage",),
    documents.MessagePage: ("MessagePage",),
    documents.Run: ("RunDocument",),
    documents.Article: ("ArticleDocument", "ArticleSummary", "FoundArticle"),
    documents.ArticlePage: ("ArticlePage",),
    documents.UserPage: ("UserPage",),
    documents.StaffMember: ("StaffMember",),
    documents.StaffList: ("StaffList",),
}
"""The server's schemas of what each of the client's shapes reads."""


@pytest.fixture(scope="module")
def schemas() -> Schemas:
    app = create_app(settings_on("postgresql://nobody@127.0.0.1/nothing"))
    found: Schemas = app.openapi()["components"]["schemas"]
    return found


def takes_null(hint: object) -> bool:
    if get_origin(hint) is NotRequired:
        hint = get_args(hint)[0]
    return NoneType in get_args(hint)


def may_be_null(schema: dict[str, Any]) -> bool:
    return {"type": "null"} in schema.get("anyOf", [])


def test_every_shape_is_held_against_the_server() -> None:
    shapes = {shape for shape in vars(documents).values() if is_typeddict(shape)}
    assert shapes == {*SENT, documents.TicketChanges}


@pytest.mark.parametrize("shape", SENT, ids=lambda shape: str(shape.__name__))
def test_the_fields_that_are_read_are_sent(shape: type, schemas: Schemas) -> None:
    sent = {name: schemas[name]["properties"] for name in SENT[shape]}
    for field, hint in get_type_hints(shape, include_extras=True).items():
        senders = [name for name, fields in sent.items() if field in fields]
        if get_origin(hint) is NotRequired:
            assert senders, field
        else:
            assert senders == list(sent), field
        for name in senders:
            assert may_be_null(sent[name][field]) == takes_null(hint), (name, field)


def test_the_fields_that_are_changed_can_be(schemas: Schemas) -> None:
    changeable = schemas["TicketPatch"]["properties"]
    assert get_type_hints(documents.TicketChanges).keys() == changeable.keys()


@pytest.mark.parametrize(
    ("name", "known", "offered"),
    [
        ("Role", documents.Role, ROLES),
        ("Status", documents.Status, STATUSES),
        ("Priority", documents.Priority, PRIORITIES),
        ("Purpose", documents.RunPurpose, None),
    ],
)
def test_the_words_are_the_servers(
    name: str, known: object, offered: tuple[str, ...] | None, schemas: Schemas
) -> None:
    assert get_origin(known) is Literal
    assert set(get_args(known)) == set(schemas[name]["enum"])
    assert offered is None or set(offered) == set(schemas[name]["enum"])
