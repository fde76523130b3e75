"""How commands are read from the command line."""
