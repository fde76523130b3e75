"""Tickets, their texts and AI replies: what several commands share."""
