"""The console script. The version and completion skip the command line's slow imports."""

import gc
import os
import sys


def main() -> int:
    """Run the command line of this process and return its exit code."""
    _open_closed_streams()
    arguments = sys.argv[1:]
    if arguments == ["--version"] and _print_version():
        return 0
    if os.environ.get("_SEEDX_COMPLETE"):
        from seedx_cli.completion.answer import run as complete

        return complete(os.environ)
    # Imports create many objects and hardly any garbage: collecting it at the usual rate, and once
    # more at exit, takes a tenth of a short command's time.
    gc.set_threshold(100_000)
    try:
        from seedx_cli.main import run

        return run(arguments)
    except KeyboardInterrupt:
        return 130
    finally:
        gc.freeze()


def _open_closed_streams() -> None:
    """Give a process that was started with closed streams (`>&-`) streams that lead nowhere."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            nowhere = os.fdopen(os.open(os.devnull, os.O_RDWR), mode, encoding="utf-8")
            setattr(sys, name, nowhere)


def _print_version() -> bool:
    """Print the version; return False if that fails, so that the command reports the error."""
    from seedx_cli.version import VERSION

    try:
        # Bypass the buffer: text that cannot be written must not be left in it.
        os.write(sys.stdout.fileno(), f"seedx {VERSION}\n".encode())
    except OSError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
