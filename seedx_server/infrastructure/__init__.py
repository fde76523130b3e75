"""What every domain stands on: database, errors, events, access, observability."""
