"""What every domain uses: database, errors, events, access, observability."""
