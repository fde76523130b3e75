"""Where the client keeps its files. Completion uses this too, so it imports very little."""

import os
import sys
from collections.abc import Mapping


def config_directory(environment: Mapping[str, str]) -> str:
    """Return the configuration folder: ``SEEDX_CONFIG_DIR`` or the platform's own."""
    chosen = environment.get("SEEDX_CONFIG_DIR")
    if chosen:
        return os.path.expanduser(chosen)  # noqa: PTH111  # pathlib is slow to import
    platform: str = sys.platform
    if platform == "linux":
        # The same result as below, without the time that importing platformdirs takes.
        base = environment.get("XDG_CONFIG_HOME", "").strip() or "~/.config"
        return os.path.join(os.path.expanduser(base), "seedx")  # noqa: PTH111, PTH118  # the same
    import platformdirs

    return platformdirs.user_config_dir("seedx", appauthor=False)


def recent_file(environment: Mapping[str, str]) -> str:
    """Return the file of recent tickets: a number, a tab and a title on each line."""
    return os.path.join(config_directory(environment), "recent-tickets")  # noqa: PTH118  # the same
