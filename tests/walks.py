"""The walks of docs/architecture.md, and which files of the project really work meanwhile."""

import ast
import inspect
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).parents[1]
ARCHITECTURE = ROOT / "docs" / "architecture.md"

HEADING = re.compile(r"^#+ (?P<title>.+)$")
STEP = re.compile(r"^\| `(?P<file>[\w/]+\.py)` \| (?P<functions>.+?) \|")

Walk = dict[str, list[str]]
"""Functions by the file that defines them, in the order of the walk."""


def walk(title: str) -> Walk:
    """Return the functions that a section of the architecture names."""
    steps: Walk = {}
    section = ""
    for line in ARCHITECTURE.read_text("utf-8").splitlines():
        if heading := HEADING.match(line):
            section = heading["title"]
        elif section == title and (step := STEP.match(line)):
            steps.setdefault(step["file"], []).extend(re.findall(r"`([\w.]+)`", step["functions"]))
    assert steps, f"docs/architecture.md has no walk {title!r}"
    return steps


def missing_functions(steps: Walk) -> list[str]:
    """Return the names in a walk that the code does not define."""
    return [
        f"{file}: {name}"
        for file, names in steps.items()
        for name in sorted({*names} - defined_in(ROOT / file))
    ]


def defined_in(file: Path) -> set[str]:
    """Return the qualified names of the functions and classes of a module."""

    def names(body: list[ast.stmt], prefix: str) -> Iterator[str]:
        for node in body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{prefix}{node.name}"
                yield from names(node.body, f"{prefix}{node.name}.")

    return set(names(ast.parse(file.read_text("utf-8")).body, ""))


@contextmanager
def files_at_work(package: str) -> Iterator[set[str]]:
    """Collect the files whose functions run in this thread until the block ends.

    Args:
        package: The package that counts.

    Yields:
        The files, relative to the checkout. Importing a module is not work.
    """
    found: set[str] = set()
    folder = f"{ROOT / package}/"

    def note(frame: FrameType, event: str, _argument: object) -> None:
        code = frame.f_code
        is_function = bool(code.co_flags & inspect.CO_OPTIMIZED)
        if event == "call" and is_function and code.co_filename.startswith(folder):
            found.add(str(Path(code.co_filename).relative_to(ROOT)))

    sys.setprofile(note)
    try:
        yield found
    finally:
        sys.setprofile(None)
