"""Articles: what the AI grounds its answers on and cites."""
