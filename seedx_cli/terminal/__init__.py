"""The terminal: output, prompts, tables, times and safe text."""
