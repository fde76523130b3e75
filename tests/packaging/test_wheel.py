"""The wheel, in an empty virtual environment and from another folder."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("seedx_cli", "seedx_server")


@pytest.fixture(scope="module")
def workshop() -> Iterator[Path]:
    # Not pytest's own folders: the database's account may not pass through those.
    folder = Path(tempfile.mkdtemp(prefix="seedx-wheel-"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def wheel(workshop: Path) -> Path:
    """The wheel that the source archive makes, which is made of what the image copies."""
    source = workshop / "source"
    source.mkdir()
    for line in re.findall(r"^COPY (?!--)(.+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE):
        for name in shlex.split(line)[:-1]:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
            copy(ROOT / name, source / name)
    run(sys.executable, "-m", "build", "--outdir", workshop / "dist", source)
    (built,) = (workshop / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def programs(workshop: Path, wheel: Path) -> Path:
    """The programs of a virtual environment that holds the wheel and what it needs."""
    environment = workshop / "venv"
    venv.create(environment, with_pip=True)
    run(environment / "bin/python", "-m", "pip", "install", "-qq", wheel)
    return environment / "bin"


def run(*command: str | Path, cwd: Path | None = None, **environment: str) -> str:
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SEEDX_", "GROK_", "GROQ_", "PYTHON"))
        and name not in {"DATABASE_URL", "JWT_SECRET"}
    }
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**clean, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def version() -> str:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return str(project["version"])


def test_it_holds_two_packages_and_no_alembic(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()

    assert {name.split("/")[0] for name in names} == {*PACKAGES, f"seedx-{version()}.dist-info"}


def test_it_holds_every_file_of_the_packages_and_the_migrations(wheel: Path) -> None:
    tracked = run("git", "ls-files", *PACKAGES, "alembic", cwd=ROOT).split()
    expected = {re.sub("^alembic/", "seedx_server/migrations/", name) for name in tracked}

    assert expected <= set(zipfile.ZipFile(wheel).namelist())


def test_the_command_says_its_version(programs: Path, tmp_path: Path) -> None:
    assert version() in run(programs / "seedx", "--version", cwd=tmp_path)


def test_alembic_is_the_library_and_the_scripts_are_found(programs: Path, tmp_path: Path) -> None:
    question = (
        "import alembic.command; from seedx_server.infrastructure.database import migrate;"
        "print(alembic.command.__file__, migrate.scripts_folder(), migrate.newest())"
    )

    library, scripts, newest = run(programs / "python", "-c", question, cwd=tmp_path).split()

    assert library.endswith("site-packages/alembic/command.py")
    assert scripts.endswith("site-packages/seedx_server/migrations")
    assert newest


def test_every_provider_that_it_offers_can_be_loaded(programs: Path, tmp_path: Path) -> None:
    question = (
        "from importlib.metadata import entry_points;"
        "print(*sorted(e.load().__name__ for e in entry_points(group='seedx.ai_providers')))"
    )

    assert run(programs / "python", "-c", question, cwd=tmp_path).split() == [
        "GroqProvider",
        "KnowledgeProvider",
        "OpenAIProvider",
    ]


def test_the_demonstration_runs_and_leaves_nothing(programs: Path, workshop: Path) -> None:
    home, temporary = workshop / "home", workshop / "temporary"
    home.mkdir()
    temporary.mkdir()

    shown = run(programs / "seedx", "demo", cwd=home, HOME=str(home), TMPDIR=str(temporary))

    assert "backup" in shown
    assert list(temporary.iterdir()) == []
    left = [p.info for p in psutil.process_iter(["cmdline", "cwd"]) if str(workshop) in str(p.info)]
    assert left == []
