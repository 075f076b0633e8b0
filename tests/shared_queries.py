"""One query process for all workspaces of a test session: to start one takes as long as most tests."""

import atexit
import functools
from pathlib import Path
from tempfile import TemporaryDirectory

from mlsteward.data.query_process import QueryProcess


class _Shared(QueryProcess):
    """Goes on when a workspace closes: the next one asks it too."""

    def close(self) -> None:
        pass


@functools.cache
def shared_queries() -> QueryProcess:
    folder = TemporaryDirectory(prefix="queries")
    queries = _Shared(Path(folder.name), memory_mb=512, seconds=30)
    atexit.register(folder.cleanup)
    atexit.register(QueryProcess.close, queries)
    return queries
