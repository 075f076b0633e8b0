"""`python -m tests.promoting_server WORKSPACE` moves the champion to and fro as fast as it can, until it is killed.

It looks after endpoints meanwhile, and says so with a line.
"""

import itertools
import sys
from pathlib import Path

from mlsteward.config import Settings
from mlsteward.store.aliases import set_alias
from mlsteward.workspace import Workspace


def main() -> None:
    workspace = Workspace(Settings(workspace=Path(sys.argv[1]), data=[]))
    workspace.look_after_endpoints()
    for version in itertools.cycle((2, 3, 1)):
        workspace.store.write(
            lambda t, version=version: set_alias(t, "large", "champion", version, run=None, actor="bo", reason="")
        )
        print("promoted", flush=True)  # noqa: T201 - what the test waits for


if __name__ == "__main__":
    main()
