"""Waiting in tests: with patience for a busy machine, and never by sleeping."""

PATIENCE_SECONDS = 90
"""How long a test waits for what takes a moment on an idle machine."""


def until_blocked(sessions: int = 1) -> str:
    """Return the statement that ends once others of the same database wait for locks.

    PostgreSQL tells nobody of waiting locks, so it looks for them itself, a hundred times a second.

    Args:
        sessions: How many have to wait.
    """
    return f"""
    DO $$ BEGIN
        FOR look IN 1 .. {100 * PATIENCE_SECONDS} LOOP
            PERFORM pg_stat_clear_snapshot();
            PERFORM FROM pg_stat_activity
                WHERE wait_event_type = 'Lock' AND datname = current_database()
                HAVING count(*) >= {sessions};
            IF FOUND THEN
                RETURN;
            END IF;
            PERFORM pg_sleep(0.01);
        END LOOP;
        RAISE EXCEPTION 'nobody waits for a lock';
    END $$
    """
