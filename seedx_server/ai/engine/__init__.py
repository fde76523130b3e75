"""Runs, with the database: claiming, writing, reading and ending them."""
