"""`python -m mlsteward` is `mlsteward`."""

import sys

from mlsteward.server.cli import main

if __name__ == "__main__":
    sys.exit(main())
