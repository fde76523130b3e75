"""Generates the text of one answer, without the database."""
