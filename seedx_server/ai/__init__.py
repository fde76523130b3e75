"""AI runs: each generates one text, for a ticket or a question."""
