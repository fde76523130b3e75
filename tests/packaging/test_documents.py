"""What the documents promise about the package."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_each_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    listed = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {re.split(r"[\[<>=,]", requirement)[0] for requirement in listed}

    rows = re.findall(r"^\| ([^|]+) \|", (ROOT / "docs/dependencies.md").read_text(), re.MULTILINE)
    explained = {re.sub(r"\[.*\]", "", name) for row in rows for name in row.split(", ")}

    assert names <= explained
    assert explained - {"package", "---", "poetry-core"} <= names
