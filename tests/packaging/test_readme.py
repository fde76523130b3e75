"""The README, typed from its first command to its last, in an empty folder with an empty home."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pexpect
import pytest

from seedx_cli.local.server import free_port

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
PASSWORD = "two-lamps-and-a-stone"
PATIENCE = 120

ELSEWHERE = ("make demo", "make test", "uv tool install")
"""Commands that this test leaves out: the first two have tests of their own, and the `seedx` on
the path of this test is the one that `make` installed."""

ANSWERS = {
    r"[Pp]assword[^\n]*: ": PASSWORD,
    r"again: ": PASSWORD,
    r"Open a ticket[^\n]*\[y/N\] ": "n",
    r"\[y/N\] ": "y",
    r"or \[d\]iscard: ": "d",
}
"""What a person types when a command asks; the keys are regular expressions."""


def typed() -> Iterator[str]:
    """Each line that the README has one type, and each Python program as one line."""
    for language, block in re.findall(
        r"^```(console|python)\n(.*?)^```", README, re.MULTILINE | re.DOTALL
    ):
        if language == "python":
            yield f"{sys.executable} - <<'PROGRAM'\n{block}PROGRAM"
        else:
            yield from re.findall(r"^\$ (.+)$", block, re.MULTILINE)


@dataclass
class Desk:
    """The two terminals of somebody who follows the README.

    Attributes:
        folder: Where they type.
        port: Where the server listens instead of at 8443, which may be taken.
    """

    folder: Path
    port: int
    server: subprocess.Popen[bytes] | None = None
    terminal: "pexpect.spawn[str]" = field(init=False)

    def __post_init__(self) -> None:
        self.environment = {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "HOME": str(self.folder / "home"),
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
            "PS1": r"[exit $?] ",
            "SEEDX_PORT": str(self.port),
            "SEEDX_URL": f"http://127.0.0.1:{self.port}",
            "PYTHONPATH": str(ROOT),
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        }
        self.terminal = pexpect.spawn(
            "bash",
            ["--norc", "--noprofile", "-i"],
            env=self.environment,
            cwd=str(self.folder / "work"),
            dimensions=(50, 200),
            encoding="utf-8",
            timeout=PATIENCE,
        )
        self.terminal.expect(r"\[exit 0\] ")

    def type(self, line: str) -> tuple[int, str]:
        """Type a line, answer what is asked, and return the exit code and what was shown."""
        self.terminal.sendline(line)
        shown = ""
        if line.startswith("read "):
            self.terminal.sendline(PASSWORD)
        if " watch " in line:
            self.terminal.expect_exact("Watching")
            self.terminal.sendintr()
        while True:
            asked = self.terminal.expect([r"\[exit (\d+)\] ", *ANSWERS])
            shown += str(self.terminal.before) + str(self.terminal.after)
            if asked == 0:
                return int(re.findall(r"\[exit (\d+)\] ", shown)[-1]), shown
            self.terminal.sendline([*ANSWERS.values()][asked - 1])

    def start_server(self, line: str) -> None:
        """Type a line into the first terminal, and wait until the server says where it is."""
        self.stop_server()
        log = self.folder / "server.log"
        with log.open("wb") as output:
            self.server = subprocess.Popen(
                shlex.split(line, comments=True),
                env=self.environment,
                cwd=self.folder / "work",
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        ends = time.monotonic() + PATIENCE
        while f"http://127.0.0.1:{self.port}" not in log.read_text():
            assert self.server.poll() is None, log.read_text()
            assert time.monotonic() < ends, log.read_text()
            time.sleep(0.05)

    def stop_server(self) -> None:
        """Press Ctrl-C in the first terminal."""
        if self.server is not None:
            self.server.send_signal(signal.SIGINT)
            self.server.wait(PATIENCE)
            self.server = None


@pytest.fixture
def desk() -> Iterator[Desk]:
    # Not pytest's own folders: the database's account may not pass through those.
    folder = Path(tempfile.mkdtemp(prefix="seedx-readme-"))
    folder.chmod(0o711)
    for name in ("home", "work"):
        (folder / name).mkdir()
    desk = Desk(folder, free_port())
    yield desk
    desk.terminal.close(force=True)
    desk.stop_server()
    shutil.rmtree(folder)


@pytest.mark.skipif(shutil.which("curl") is None, reason="the README shows the API with curl")
def test_each_command_works_in_the_order_in_which_it_stands(desk: Desk) -> None:
    shown: dict[str, str] = {}
    for line in typed():
        command = line.replace("localhost:8443", f"127.0.0.1:{desk.port}")
        if command.startswith(ELSEWHERE):
            continue
        if command.startswith("seedx serve"):
            desk.start_server(command)
            continue
        if command.startswith("seedx db restore"):
            desk.stop_server()
        code, shown[line] = desk.type(command)
        assert code == (130 if " watch " in line else 0), shown[line]

    reply = next(text for line, text in shown.items() if line.startswith("seedx ticket new"))
    resumed = next(text for line, text in shown.items() if "Last-Event-ID" in line)
    claimed, drafted = shown["seedx ticket claim"], shown["seedx ai 2 --draft"]
    assert "Update to 2.1" in reply
    assert "delete files" in drafted
    assert "event: done" in resumed
    assert "#2" in claimed
