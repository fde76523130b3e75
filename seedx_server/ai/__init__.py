"""AI runs: one generation for a ticket, with a life of its own."""
