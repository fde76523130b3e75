"""Deletes expired rows in batches."""

from sqlalchemy import ColumnElement, delete, inspect, select, tuple_

from seedx_server.infrastructure.database.engine import Base, Sessions

BATCH = 1_000
"""The most rows deleted in one transaction, so that it holds its locks only briefly."""


async def delete_in_batches(
    sessions: Sessions, model: type[Base], condition: ColumnElement[bool]
) -> None:
    """Delete the rows that meet a condition, a batch in each transaction.

    Rows that another transaction has locked are left for the next run of the clean-up.

    Args:
        sessions: Makes sessions.
        model: The table.
        condition: Which rows to delete; there should be an index for it.
    """
    key = inspect(model).primary_key
    batch = select(*key).where(condition).limit(BATCH).with_for_update(skip_locked=True)
    statement = delete(model).where(tuple_(*key).in_(batch)).returning(*key)
    deleted = BATCH
    while deleted == BATCH:
        async with sessions() as session, session.begin():
            rows = await session.execute(statement.execution_options(synchronize_session=False))
            deleted = len(rows.all())
