"""The examples of the documents are real, on a real server."""

import re
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.seedx_cli.conftest import Server
from tests.seedx_cli.process import ROOT, base_environment

README = (ROOT / "README.md").read_text()


def test_the_examples_of_json_are_real_output() -> None:
    done = subprocess.run(
        [sys.executable, "docs/examples.py", "--check"],
        env=base_environment(),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("", "")


def test_the_example_for_python_streams_a_reply(
    server: Server,
    sign_up: Callable[[], tuple[str, str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (example,) = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    monkeypatch.setenv("TOKEN", sign_up()[1])

    exec(example.replace("http://localhost:8443", server.url), {})  # noqa: S102  # the README's

    assert "Pull the **plug**" in capsys.readouterr().out
