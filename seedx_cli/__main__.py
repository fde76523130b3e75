"""The console script: version and completion at once, everything else through the commands."""

import gc
import os
import sys


def main() -> int:
    """Run the command line of this process and return its exit code."""
    arguments = sys.argv[1:]
    if arguments == ["--version"]:
        from seedx_cli.version import VERSION

        sys.stdout.write(f"seedx {VERSION}\n")
        return 0
    if os.environ.get("_SEEDX_COMPLETE", "").startswith("complete_"):
        from seedx_cli.completion import run as complete

        return complete(os.environ)
    # Imports make very many objects and hardly any garbage: looking for it at the usual pace, and
    # once more at the end, takes a tenth of a short command's time.
    gc.set_threshold(100_000)
    try:
        from seedx_cli.main import run

        return run(arguments)
    except KeyboardInterrupt:
        return 130
    finally:
        gc.freeze()


if __name__ == "__main__":
    sys.exit(main())
