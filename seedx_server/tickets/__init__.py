"""Tickets: one problem each, with a status and an assignee."""
