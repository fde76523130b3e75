"""The image and the services around it, as far as they can be checked with no container engine."""

import http.server
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from dotenv import dotenv_values
from pydantic import AliasChoices

from seedx_server.config import Settings, load_settings
from seedx_server.infrastructure.database import migrate

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
COMPOSE = (ROOT / "docker-compose.yml").read_text()
ONLY_COMPOSE = {"POSTGRES_PASSWORD", "SEEDX_PUBLISH"}


def instructions(name: str) -> list[str]:
    return re.findall(rf"^\s*{name} +(.+)$", DOCKERFILE, re.MULTILINE)


def names_in_example() -> set[str]:
    text = (ROOT / ".env.example").read_text()
    return set(re.findall(r"^#?([A-Z][A-Z_]+)=", text, re.MULTILINE))


def names_of_settings() -> set[str]:
    names = set[str]()
    for field in Settings.model_fields.values():
        alias = field.validation_alias
        names |= (
            {str(c) for c in alias.choices} if isinstance(alias, AliasChoices) else {str(alias)}
        )
    return names


@pytest.fixture
def services() -> dict[str, Any]:
    document = yaml.safe_load(COMPOSE)
    found: dict[str, Any] = document["services"]
    return found


def test_base_images_are_pinned_by_tag(services: dict[str, Any]) -> None:
    bases = [line.split()[0] for line in instructions("FROM")]
    assert bases == ["python:3.13-slim"] * 2
    assert services["database"]["image"] == "postgres:18"


def test_the_image_runs_as_somebody_without_rights() -> None:
    assert instructions("USER") == ["10001:10001"]
    assert "--uid 10001" in DOCKERFILE
    assert "--gid 10001" in DOCKERFILE


def test_the_image_serves_unless_told_otherwise() -> None:
    assert [json.loads(line) for line in instructions("ENTRYPOINT")] == [["seedx"]]
    everywhere = "0.0.0.0"  # noqa: S104  # inside a container, where publishing is explicit
    assert json.loads(instructions("CMD")[-1]) == ["serve", "--host", everywhere]


def test_everything_that_the_image_copies_is_there_and_not_ignored() -> None:
    lines = [line for line in instructions("COPY") if not line.startswith("--from")]
    sources = {word for line in lines for word in shlex.split(line)[:-1]}
    allowed = {
        line[1:].rstrip("/")
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    assert sources == allowed
    assert all((ROOT / source).exists() for source in sources)


def test_the_data_of_an_embedded_database_outlives_its_container() -> None:
    assert instructions("VOLUME") == ["/var/lib/seedx"]


def test_older_builders_know_every_option_of_the_health_check() -> None:
    (line,) = instructions("HEALTHCHECK")
    options = set(re.findall(r"--([a-z-]+)=", line))
    assert options == {"interval", "timeout", "start-period", "retries"}


def test_alembic_finds_its_scripts_in_the_image_from_any_folder(tmp_path: Path) -> None:
    assert "cp -R alembic alembic.ini /opt/seedx/" in DOCKERFILE
    assert "ALEMBIC_CONFIG=/opt/seedx/alembic.ini" in DOCKERFILE
    image = tmp_path / "opt"
    shutil.copytree(ROOT / "alembic", image / "alembic")
    shutil.copy(ROOT / "alembic.ini", image)

    done = subprocess.run(
        [sys.executable, "-c", "from alembic.config import main; main()", "heads"],
        env={**os.environ, "ALEMBIC_CONFIG": str(image / "alembic.ini")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.split()[0] == migrate.newest()


@pytest.fixture
def healthy_port() -> Iterator[int]:
    class Alive(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/healthz" else 404)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its name there
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Alive) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def health_check(port: int) -> int:
    (line,) = re.findall(r"HEALTHCHECK .*?CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    program, *arguments = json.loads(line)
    assert program == "python"
    environment = {**os.environ, "SEEDX_PORT": str(port)}
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=environment, stderr=subprocess.PIPE, check=False).returncode


def test_the_health_check_passes_while_the_server_answers(healthy_port: int) -> None:
    assert health_check(healthy_port) == 0


def test_the_health_check_fails_where_nothing_answers() -> None:
    assert health_check(9) != 0


def test_the_app_waits_for_a_healthy_database(services: dict[str, Any]) -> None:
    assert services["app"]["depends_on"]["database"]["condition"] == "service_healthy"
    assert services["database"]["healthcheck"]["test"][1] == "pg_isready"


def test_the_database_keeps_its_data_where_postgresql_18_puts_it(services: dict[str, Any]) -> None:
    assert services["database"]["volumes"] == ["database:/var/lib/postgresql"]
    assert "database" in yaml.safe_load(COMPOSE)["volumes"]


def test_only_the_app_can_be_reached_and_only_from_this_machine(services: dict[str, Any]) -> None:
    assert "ports" not in services["database"]
    assert services["app"]["ports"] == ["${SEEDX_PUBLISH:-127.0.0.1:8443}:8443"]


def test_the_app_can_change_nothing_of_its_image(services: dict[str, Any]) -> None:
    app = services["app"]
    assert app["read_only"] is True
    assert app["tmpfs"] == ["/tmp"]  # noqa: S108  # the container's own
    assert app["cap_drop"] == ["ALL"]
    assert app["security_opt"] == ["no-new-privileges:true"]


def test_secrets_come_from_outside_and_their_absence_is_explained() -> None:
    required = dict(re.findall(r"\$\{(\w+):\?([^}]+)\}", COMPOSE))
    assert set(required) == {"JWT_SECRET", "POSTGRES_PASSWORD"}
    assert all(".env.example" in message for message in required.values())
    example = dotenv_values(ROOT / ".env.example")
    assert {name: example[name] for name in required} == dict.fromkeys(required, "")


def test_the_example_names_settings_that_exist() -> None:
    assert names_in_example() <= names_of_settings() | ONLY_COMPOSE
    used_by_compose = set(re.findall(r"\$\{(\w+)", COMPOSE))
    assert used_by_compose <= names_in_example()


def test_the_example_can_be_used_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in names_of_settings():
        monkeypatch.delenv(name, raising=False)

    settings = load_settings(_env_file=ROOT / ".env.example")

    assert settings == load_settings(_env_file=None)
