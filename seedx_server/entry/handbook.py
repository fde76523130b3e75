"""The handbook: the articles about SeedX itself, which come with the package."""

from importlib.resources import files
from pathlib import Path


def handbook_path() -> Path:
    """Return the folder of the handbook's Markdown files."""
    return Path(str(files("seedx_server"))) / "handbook"
