"""The console script: the version at once, everything else through the commands."""

import sys


def main() -> int:
    """Run the command line of this process and return its exit code."""
    arguments = sys.argv[1:]
    if arguments == ["--version"]:
        from seedx_cli.version import VERSION

        sys.stdout.write(f"seedx {VERSION}\n")
        return 0
    try:
        from seedx_cli.main import run

        return run(arguments)
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
