"""The command line: commands, groups, options and arguments."""
