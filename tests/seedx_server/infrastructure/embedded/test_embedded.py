"""The embedded PostgreSQL starts whatever happened before, and never outlives its users."""

import contextlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import psycopg
import pytest

from seedx_server.infrastructure.embedded.server import (
    EmbeddedPostgres,
    EmbeddedPostgresError,
    binary,
)
from seedx_server.infrastructure.embedded.service_account import ACCOUNT_NAME, service_account
from seedx_server.infrastructure.embedded.watcher import kept_running

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs it as another account")

in_namespaces = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("unshare") is None,
    reason="only root makes namespaces, with unshare",
)

USER = """
import sys
from pathlib import Path
from seedx_server.infrastructure.embedded.server import EmbeddedPostgres

with EmbeddedPostgres(Path(sys.argv[1]), durable=False) as server:
    print(server.url(), flush=True)
    sys.stdin.read()
"""

KILLED_BETWEEN_INITDB_AND_THE_REST = """
import os, signal, sys
from pathlib import Path
from seedx_server.infrastructure.embedded.cluster import Cluster
from seedx_server.infrastructure.embedded.server import EmbeddedPostgres

run = Cluster._run

def run_then_die(self, program, *words, **options):
    run(self, program, *words, **options)
    if program == "initdb":
        os.kill(os.getpid(), signal.SIGKILL)

Cluster._run = run_then_die
EmbeddedPostgres(Path(sys.argv[1]), durable=False).start()
"""

NOBODY = """
import os, sys
from pathlib import Path
import psycopg
from seedx_server.infrastructure.embedded.server import EmbeddedPostgres

os.setgroups([])
os.setgid(65534)
os.setuid(65534)
with EmbeddedPostgres(Path(sys.argv[1]), durable=False) as server:
    with psycopg.connect(server.url()) as connection:
        print(connection.execute("SELECT current_database()").fetchone()[0])
"""

USE_OFTEN = """
import sys
from pathlib import Path
import psycopg
from seedx_server.infrastructure.embedded.server import EmbeddedPostgres

for _ in range(5):
    with EmbeddedPostgres(Path(sys.argv[1]), durable=False) as server:
        with psycopg.connect(server.url()) as connection:
            connection.execute("INSERT INTO uses DEFAULT VALUES")
"""


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A folder that ends with no process in it, even if the test failed."""
    # Not pytest's own folders: those are made private again whenever another pytest starts.
    folder = Path(tempfile.mkdtemp(prefix="seedx-embedded-"))
    yield folder
    for process in processes_in(folder):
        process.kill()
    shutil.rmtree(folder)


def server_in(data_dir: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(data_dir, durable=False)


def processes_in(folder: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if Path(process.cwd()).is_relative_to(folder):
                found.append(process)
    return found


def postmaster_of(data_dir: Path) -> psutil.Process:
    return psutil.Process(int((data_dir / "postgres/postmaster.pid").read_text().split()[0]))


def socket_folder_of(data_dir: Path) -> Path:
    return Path((data_dir / "postgres/postmaster.pid").read_text().splitlines()[4])


@contextlib.contextmanager
def another_user_of(data_dir: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that uses the server until its standard input ends."""
    with subprocess.Popen(
        [sys.executable, "-c", USER, data_dir],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("postgresql://")
        yield process


def execute(server: EmbeddedPostgres, query: str) -> None:
    with psycopg.connect(server.url()) as connection:
        connection.execute(query.encode())


def value(server: EmbeddedPostgres, query: str) -> object:
    with psycopg.connect(server.url()) as connection:
        row = connection.execute(query.encode()).fetchone()
        return row[0] if row else None


def test_data_survives_a_restart(data_dir: Path) -> None:
    with server_in(data_dir) as server:
        execute(server, "CREATE TABLE kept AS SELECT 'yes' AS word")

    assert processes_in(data_dir) == []

    with server_in(data_dir) as server:
        assert value(server, "SELECT word FROM kept") == "yes"
        assert value(server, "SELECT current_database()") == "seedx"


def test_letters_and_words_are_those_of_unicode(data_dir: Path) -> None:
    with server_in(data_dir) as server:
        assert value(server, "SELECT upper('größe')") == "GRÖßE"
        assert value(server, "SELECT to_tsvector('simple', '“Größe”—да')::text") == (
            "'größe':1 'да':2"
        )


def test_it_listens_on_no_network(data_dir: Path) -> None:
    with server_in(data_dir) as server:
        assert value(server, "SHOW listen_addresses") == ""
        assert stat.S_IMODE((data_dir / "postgres").stat().st_mode) == 0o700


def test_two_processes_share_it_and_the_last_one_stops_it(data_dir: Path) -> None:
    first = server_in(data_dir)
    first.start()
    postmaster = postmaster_of(data_dir)
    with another_user_of(data_dir):
        assert postmaster_of(data_dir) == postmaster
        first.stop()
        assert postmaster.is_running()

    assert processes_in(data_dir) == []


def test_processes_that_come_and_go_at_once_do_not_disturb_each_other(data_dir: Path) -> None:
    with server_in(data_dir) as server:
        execute(server, "CREATE TABLE uses (at timestamptz DEFAULT now())")

    def use(_: int) -> int:
        return subprocess.run([sys.executable, "-c", USE_OFTEN, data_dir], check=False).returncode

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(use, range(3))) == [0, 0, 0]

    assert processes_in(data_dir) == []
    with server_in(data_dir) as server:
        assert value(server, "SELECT count(*) FROM uses") == 15


def test_processes_that_meet_in_a_new_folder_make_one_cluster(data_dir: Path) -> None:
    servers = [server_in(data_dir) for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        assert len(set(pool.map(EmbeddedPostgres.start, servers))) == 1
        list(pool.map(EmbeddedPostgres.stop, servers))

    assert processes_in(data_dir) == []


def test_a_killed_server_starts_again_with_its_data(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir) as server:
        execute(server, "CREATE TABLE kept AS SELECT 'yes' AS word")
        postmaster_of(data_dir).kill()

    with EmbeddedPostgres(data_dir) as server:
        assert value(server, "SELECT word FROM kept") == "yes"
    assert processes_in(data_dir) == []


def test_a_killed_server_is_started_again_while_it_is_used(data_dir: Path) -> None:
    with server_in(data_dir) as server:
        postmaster_of(data_dir).kill()

        server.restart()

        assert value(server, "SELECT 1") == 1
    assert processes_in(data_dir) == []


def test_a_watched_server_that_cannot_start_is_tried_again(
    data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with server_in(data_dir) as server:
        folder, hidden = data_dir / "postgres", data_dir / "hidden"
        with kept_running(server):
            folder.rename(hidden)
            for process in processes_in(hidden):
                process.kill()
            wait_until(lambda: "Trying again" in caplog.text)
            hidden.rename(folder)

            wait_until(server.is_running)

        assert value(server, "SELECT 1") == 1


def wait_until(reached: Callable[[], bool]) -> None:
    """Wait for something that happens in another thread."""
    deadline = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_killed_user_leaves_a_server_that_the_next_one_takes_over_and_stops(
    data_dir: Path,
) -> None:
    with another_user_of(data_dir) as process:
        process.kill()
        process.wait()
    abandoned = postmaster_of(data_dir)

    with server_in(data_dir):
        assert postmaster_of(data_dir) == abandoned

    assert processes_in(data_dir) == []


@pytest.mark.parametrize("kind", ["another program", "another PostgreSQL"])
def test_a_pid_file_that_names_somebody_else_is_not_believed(data_dir: Path, kind: str) -> None:
    folder, other = data_dir / "data", data_dir / "other"
    with server_in(folder), server_in(other):
        foreign = postmaster_of(other).pid if kind == "another PostgreSQL" else os.getpid()
        pid_file = folder / "postgres/postmaster.pid"
        lines = pid_file.read_text().splitlines()
        postmaster_of(folder).kill()
        pid_file.write_text("\n".join([str(foreign), *lines[1:]]))

        with server_in(folder) as server:
            assert value(server, "SELECT 1") == 1

        assert psutil.pid_exists(foreign)
        assert value(server_in(other), "SELECT 1") == 1


def test_a_cluster_that_was_not_finished_is_made_anew(data_dir: Path) -> None:
    command = [sys.executable, "-c", KILLED_BETWEEN_INITDB_AND_THE_REST, str(data_dir)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert not (data_dir / "postgres").exists()
    assert list(data_dir.glob("postgres.new-*"))

    with server_in(data_dir) as server:
        assert value(server, "SELECT current_database()") == "seedx"

    assert not list(data_dir.glob("postgres.new-*"))


@pytest.mark.parametrize(
    "name", ["deep/" * 25, 'it\'s a $HOME, "quoted" & 100% café'], ids=["long", "odd"]
)
def test_any_path_will_do(data_dir: Path, name: str) -> None:
    with server_in(data_dir / name) as server:
        assert value(server, "SELECT 1") == 1
        socket_folder = socket_folder_of(data_dir / name)
        assert stat.S_IMODE(socket_folder.stat().st_mode) == 0o700

    assert processes_in(data_dir) == []
    assert not socket_folder.exists()


def test_a_socket_folder_that_others_may_enter_is_refused(data_dir: Path) -> None:
    folder = data_dir / ("deep/" * 25)
    with server_in(folder):
        socket_folder = socket_folder_of(folder)
    socket_folder.mkdir()
    socket_folder.chmod(0o755)
    try:
        with pytest.raises(EmbeddedPostgresError, match="not private"):
            server_in(folder).start()
    finally:
        socket_folder.rmdir()


def test_the_cluster_of_another_major_version_is_explained(data_dir: Path) -> None:
    with server_in(data_dir):
        pass
    (data_dir / "postgres/PG_VERSION").write_text("17\n")

    with pytest.raises(EmbeddedPostgresError, match=r"(?s)PostgreSQL 17.*seedx db backup"):
        server_in(data_dir).start()


def test_a_folder_that_cannot_be_used_is_named(data_dir: Path) -> None:
    (data_dir / "file").touch()

    with pytest.raises(EmbeddedPostgresError, match=r"(?s)/file cannot be used.*SEEDX_DATA_DIR"):
        server_in(data_dir / "file").start()


def test_a_folder_that_is_no_cluster_is_left_alone(data_dir: Path) -> None:
    (data_dir / "postgres").mkdir()
    (data_dir / "postgres/letter").touch()

    with pytest.raises(EmbeddedPostgresError, match="holds no PostgreSQL"):
        server_in(data_dir).start()

    assert (data_dir / "postgres/letter").exists()


def test_a_start_that_fails_shows_what_the_server_said(data_dir: Path) -> None:
    with server_in(data_dir):
        pass
    with (data_dir / "postgres/postgresql.conf").open("a") as configuration:
        configuration.write("work_mem = banana\n")

    with pytest.raises(EmbeddedPostgresError, match=r'(?s)"work_mem": "banana".*DATABASE_URL'):
        server_in(data_dir).start()

    assert processes_in(data_dir) == []


def test_settings_for_other_servers_do_not_reach_it(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGDATA", "/nowhere")
    monkeypatch.setenv("PGPORT", "1")

    with server_in(data_dir) as server:
        assert value(server, "SELECT 1") == 1


@in_namespaces
def test_a_folder_that_is_in_use_in_another_container_is_refused(data_dir: Path) -> None:
    with server_in(data_dir) as server:
        refused = user_elsewhere(data_dir, "--pid", "--fork", "--mount-proc")

        assert "is in use by a SeedX in another container" in refused
        assert value(server, "SELECT 1") == 1


@in_namespaces
def test_a_server_that_lives_in_another_container_is_left_alone(data_dir: Path) -> None:
    with another_user_of(data_dir) as process:
        process.kill()
        process.wait()

    refused = user_elsewhere(data_dir, "--pid", "--fork", "--mount-proc")

    assert "served by a process that cannot be seen" in refused
    with server_in(data_dir) as server:
        assert value(server, "SELECT 1") == 1


@in_namespaces
@pytest.mark.parametrize("options", [("--pid", "--fork"), ("--mount",)], ids=["foreign", "missing"])
def test_without_its_own_proc_it_is_refused(data_dir: Path, options: tuple[str, ...]) -> None:
    assert "needs /proc" in user_elsewhere(data_dir, *options)
    assert list(data_dir.iterdir()) == []


def user_elsewhere(data_dir: Path, *namespaces: str) -> str:
    """Start a user of the server in other namespaces, and return what it says when it fails."""
    hide_proc = "mount -t tmpfs none /proc && " if namespaces == ("--mount",) else ""
    script = f'{hide_proc}exec "$@"'
    command = ["unshare", *namespaces, "sh", "-c", script, "sh", sys.executable, "-c", USER]
    done = subprocess.run(
        [*command, str(data_dir)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0, done.stdout
    assert "Traceback" in done.stderr  # of the test's own program
    return done.stderr


@as_root
def test_root_gets_an_account_that_owns_the_cluster_alone(data_dir: Path) -> None:
    home = data_dir / "home"
    home.mkdir(mode=0o700)
    with server_in(home / "data"):
        assert postmaster_of(home / "data").username() == ACCOUNT_NAME
        assert (home / "data/postgres").owner() == ACCOUNT_NAME

    assert (home / "data").owner() == "root"
    assert [stat.S_IMODE(path.stat().st_mode) for path in (home, home / "data")] == [0o701, 0o701]


@as_root
def test_who_is_not_root_runs_it_as_themselves(data_dir: Path) -> None:
    account = service_account()
    assert account is not None
    account.open_path_to(binary("postgres").parent)
    data_dir.chmod(0o711)
    folder = data_dir / "data"
    folder.mkdir()
    os.chown(folder, 65534, 65534)

    command = [sys.executable, "-c", NOBODY, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.stderr, done.stdout) == ("", "seedx\n")
    assert (folder / "postgres").stat().st_uid == 65534
    assert processes_in(data_dir) == []


def test_where_it_cannot_run_the_error_names_the_way_out(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "win32")

    with pytest.raises(EmbeddedPostgresError, match="DATABASE_URL"):
        server_in(data_dir).start()


def test_the_programs_of_the_wheel_can_be_found(data_dir: Path) -> None:
    with server_in(data_dir) as server:
        dump = subprocess.run(
            [binary("pg_dump"), server.url(), "--schema-only"], capture_output=True, check=True
        )
        assert b"PostgreSQL database dump complete" in dump.stdout
    with pytest.raises(EmbeddedPostgresError, match="no program pg_magic"):
        binary("pg_magic")
