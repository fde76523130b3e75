"""Articles, on which the AI grounds its answers and which it cites."""
