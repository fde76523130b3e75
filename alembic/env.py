"""Runs the migrations on the connection that `seedx_server.infrastructure.migrate` opened."""

import os

from alembic import context
from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import NullPool

from seedx_server.infrastructure.database import connection_url
from seedx_server.models import metadata


def run(connection: Connection) -> None:
    """Run the migrations in one transaction each."""
    context.configure(
        connection=connection,
        target_metadata=metadata,
        compare_type=True,
        compare_server_default=False,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


given: Connection | None = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    engine = create_engine(connection_url(os.environ["DATABASE_URL"]), poolclass=NullPool)
    with engine.connect() as opened:
        run(opened)
        opened.commit()
