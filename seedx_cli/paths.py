"""Where the client keeps things. Completion reads this too, so nothing more is imported."""

import os
import sys
from collections.abc import Mapping


def config_directory(environment: Mapping[str, str]) -> str:
    """The folder of the configuration: ``SEEDX_CONFIG_DIR`` or the platform's own."""
    chosen = environment.get("SEEDX_CONFIG_DIR")
    if chosen:
        return os.path.expanduser(chosen)  # noqa: PTH111  # pathlib is dear at this place
    platform: str = sys.platform
    if platform == "linux":
        # The same as below, in a tenth of the time that importing it takes.
        base = environment.get("XDG_CONFIG_HOME", "").strip() or "~/.config"
        return os.path.join(os.path.expanduser(base), "seedx")  # noqa: PTH111, PTH118  # the same
    import platformdirs

    return platformdirs.user_config_dir("seedx", appauthor=False)


def recent_file(environment: Mapping[str, str]) -> str:
    """Where the tickets seen last are kept: a number, a tab and a title on each line."""
    return os.path.join(config_directory(environment), "recent-tickets")  # noqa: PTH118  # the same
