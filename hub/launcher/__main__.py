"""`python -m hub.launcher demo`: run the whole stack on this machine until Ctrl-C."""

import os
import sys

from hub.launcher.demo import Demo
from hub.launcher.errors import CannotStart

USAGE = "usage: python -m hub.launcher demo"


def main(arguments: list[str]) -> int:
    """Run the command; return the exit code."""
    if arguments != ["demo"]:
        print(USAGE, file=sys.stderr)
        return 2
    try:
        return Demo(os.environ).run()
    except CannotStart as problem:
        print(f"\nThe demo cannot start.\n{problem}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
