"""The text of one answer, with no database."""
