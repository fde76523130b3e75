"""The server on this machine."""
