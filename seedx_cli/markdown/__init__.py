"""Markdown on a terminal, also while it is being written."""
