"""`python -m hub.launcher demo`: run the whole stack on this machine until Ctrl-C.

`python -m hub.launcher manage …`: a management command beside it.
"""

import os
import sys

from hub.launcher.demo import Demo
from hub.launcher.errors import CannotStart
from hub.launcher.manage import manage

USAGE = "usage: python -m hub.launcher demo | manage COMMAND …"


def main(arguments: list[str]) -> int:
    """Run the command; return the exit code."""
    if arguments != ["demo"] and arguments[:1] != ["manage"]:
        print(USAGE, file=sys.stderr)
        return 2
    try:
        if arguments[0] == "manage":
            return manage(os.environ, arguments[1:])
        return Demo(os.environ).run()
    except CannotStart as problem:
        print(f"\nThe demo cannot start.\n{problem}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
