"""Answers to a shell that asks what may come next."""
