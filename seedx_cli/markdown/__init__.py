"""Markdown drawn on a terminal, also while it streams."""
