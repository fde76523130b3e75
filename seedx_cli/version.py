"""The release this client belongs to.

A constant, because reading the package metadata takes three times as long as starting Python.
A test compares it with the metadata.
"""

VERSION = "0.1.0"
