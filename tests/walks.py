"""Which files of the project work while something is done."""

import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).parents[1]


@contextmanager
def files_at_work(*packages: str) -> Iterator[dict[str, set[str]]]:
    """Collect the functions that run in this thread until the block ends.

    Args:
        packages: The packages that count.

    Yields:
        The qualified names of the functions by their file, relative to the checkout; bodies of
        modules and classes, which importing runs, are left out.
    """
    found: dict[str, set[str]] = {}
    folders = tuple(f"{ROOT / package}/" for package in packages)

    def note(frame: FrameType, event: str, _argument: object) -> None:
        code = frame.f_code
        if event != "call" or not code.co_flags & inspect.CO_OPTIMIZED:
            return
        if code.co_filename.startswith(folders):
            file = str(Path(code.co_filename).relative_to(ROOT))
            found.setdefault(file, set()).add(code.co_qualname)

    sys.setprofile(note)
    try:
        yield found
    finally:
        sys.setprofile(None)
