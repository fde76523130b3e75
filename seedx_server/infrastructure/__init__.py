"""The code that every domain uses: database, errors, events, access, observability."""
