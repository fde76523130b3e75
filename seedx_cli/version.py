"""The release this client belongs to.

A constant of its own, because reading the package metadata costs three times as much as starting
Python. A test holds it to the metadata.
"""

VERSION = "0.1.0"
