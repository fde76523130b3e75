"""The commands: one module each, one package for each group."""
