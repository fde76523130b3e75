"""Runs the migrations: on the connection of `migrate.upgrade`, or for the command `alembic`."""

import os
from typing import Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from alembic.util.exc import CommandError
from sqlalchemy import Connection, create_engine
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.pool import NullPool

from seedx_server.infrastructure.database.engine import TextEnum, connection_url
from seedx_server.infrastructure.database.events import Xid8
from seedx_server.models import metadata

# SQLAlchemy reads the column types of existing tables and does not know this one.
ischema_names["xid8"] = Xid8


def render_item(kind: str, item: object, _: AutogenContext) -> str | Literal[False]:
    """Render a `TextEnum` as a text column, because a migration does not import models."""
    return "sa.Text()" if kind == "type" and isinstance(item, TextEnum) else False


def run(connection: Connection) -> None:
    """Run the migrations, each in its own transaction."""
    context.configure(
        connection=connection,
        target_metadata=metadata,
        compare_type=True,
        render_item=render_item,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def run_by_command() -> None:
    """Run the command `alembic` on the database in `DATABASE_URL`."""
    address = os.environ.get("DATABASE_URL")
    if not address:
        raise CommandError("set DATABASE_URL to the address of a PostgreSQL database")
    engine = create_engine(connection_url(address), poolclass=NullPool)
    with engine.connect() as connection:
        run(connection)
        connection.commit()


given: Connection | None = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    run_by_command()
