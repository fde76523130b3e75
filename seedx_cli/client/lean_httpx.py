"""httpx, imported without its own command line.

Where click and rich are installed, `import httpx` also imports the `httpx` command, which takes
nearly as long as all the rest of it. httpx cannot turn that off, so this one module is blocked
during the import, and httpx does what it does without click.
docs/decisions/0008-http-in-the-client.md has the measurements.
"""

import sys

_COMMAND_LINE = "httpx._main"
_is_first = "httpx" not in sys.modules
if _is_first:
    # None blocks an import (Python language reference, 5.3.1).
    sys.modules[_COMMAND_LINE] = None  # type: ignore[assignment]  # typeshed leaves None out

import httpx  # noqa: E402  # after the lines above

if _is_first:
    del sys.modules[_COMMAND_LINE]

__all__ = ["httpx"]
