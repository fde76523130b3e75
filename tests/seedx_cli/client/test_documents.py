"""The README's examples do what it says, on a real server."""

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
    server: Server, sign_up: Callable[[], tuple[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    (example,) = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    _, token = sign_up()

    exec(  # noqa: S102  # it is the README's
        example.replace("http://127.0.0.1:8443", server.url), {"token": token}
    )

    assert "Pull the **plug**" in capsys.readouterr().out
