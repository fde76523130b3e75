"""Markdown on a terminal, even while it is being written."""
