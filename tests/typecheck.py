"""`python -m tests.typecheck`: run mypy, whose Django plugin reads the settings.

The settings want an environment; this gives them the tests', with addresses where nobody listens.
"""

import os
import sys

from mypy.__main__ import console_entry

from tests.servers import TEST_ENVIRONMENT

if __name__ == "__main__":
    os.environ.update(
        TEST_ENVIRONMENT,
        DATABASE_URL="postgres://nobody@127.0.0.1:1/none",
        REDIS_URL="redis://127.0.0.1:1/0",
    )
    sys.exit(console_entry())
