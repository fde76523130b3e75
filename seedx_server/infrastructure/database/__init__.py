"""PostgreSQL: connections, queries, events, notifications, migrations."""
