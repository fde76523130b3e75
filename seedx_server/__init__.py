"""The SeedX server: tickets, messages and AI replies over HTTP."""

__version__ = "0.1.0"
