"""A file that is a terminal's screen, for tests that need no process."""

import io

from tests.seedx_cli.process import shown


class ScreenFile(io.StringIO):
    """Text that is written to a terminal of 80 columns; `rows` is what it shows by now."""

    def isatty(self) -> bool:
        return True

    @property
    def rows(self) -> list[str]:
        raw = self.getvalue().replace("\n", "\r\n").encode()
        return "\n".join(shown(raw)).rstrip().split("\n")
