"""The server's end of a query process."""

import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Any

logger = logging.getLogger("mlsteward.queries")

# What a fresh Python needs of the environment; the rest, secrets among it, stays with the server.
_ENVIRONMENT = frozenset(
    "PATH HOME LANG LC_ALL LC_CTYPE PYTHONHOME PYTHONPATH SYSTEMROOT TEMP TMP TMPDIR VIRTUAL_ENV".split()
)
_LOG = "process.log"
_LOG_TAIL = 2000

Message = dict[str, Any]


def scratch_prefix() -> str:
    """What the names of this server's scratch folders begin with."""
    return f"{os.getpid()}-"


def remove_leftovers(scratch: Path) -> None:
    """Remove the scratch folders of servers that were killed."""
    import psutil

    for folder in scratch.iterdir():
        server = folder.name.partition("-")[0]
        if server.isdigit() and not psutil.pid_exists(int(server)):
            shutil.rmtree(folder, ignore_errors=True)


class QueryPipe:
    """One query process, and lines of JSON to and from it.

    It gets pipes of its own, no other descriptor of the server, a session of its own and a scratch folder that is its
    working directory.
    """

    def __init__(self, scratch: Path, *, memory_mb: int) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix=scratch_prefix(), dir=scratch))
        with (self._folder / _LOG).open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "mlsteward.data.query_child", str(self._folder), str(memory_mb)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=self._folder,
                env={name: value for name, value in os.environ.items() if name in _ENVIRONMENT},
                start_new_session=True,
                encoding="utf-8",
            )
        self._ready = False
        self._answers: SimpleQueue[Message | None] = SimpleQueue()
        assert self._process.stdout
        # Windows has no select on pipes, so a thread reads.
        threading.Thread(target=self._listen, args=(self._process.stdout,), daemon=True).start()

    def wait_until_ready(self, seconds: float) -> None:
        """Raises queue.Empty when it has not started in time, EOFError when it could not."""
        if not self._ready:
            self.receive(seconds)
            self._ready = True

    def send(self, message: Message) -> None:
        """Raises EOFError when the process has ended."""
        assert self._process.stdin
        try:
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()
        except (OSError, ValueError) as error:
            raise EOFError from error

    def receive(self, seconds: float) -> Message:
        """The next answer. Raises queue.Empty when none came in time, EOFError when the process has ended."""
        answer = self._answers.get(timeout=max(seconds, 0.0))
        if answer is None:
            raise EOFError
        return answer

    def kill(self) -> int:
        """End the process if it has not ended, and remove its scratch folder; returns its exit code."""
        self._process.kill()
        code = self._process.wait()
        if code > 0:
            logger.error("a query process ended with %d: %s", code, self._log_tail())
        for pipe in (self._process.stdin, self._process.stdout):
            _close(pipe)
        shutil.rmtree(self._folder, ignore_errors=True)
        return code

    @property
    def pid(self) -> int:
        return self._process.pid

    def _log_tail(self) -> str:
        log = self._folder / _LOG
        return log.read_text(errors="replace")[-_LOG_TAIL:] if log.exists() else ""

    def _listen(self, answers: IO[str]) -> None:
        try:
            for line in answers:
                self._answers.put(json.loads(line))
        except ValueError:
            pass  # cut off in mid-line by a kill, or closed by `kill` above
        self._answers.put(None)


def _close(pipe: IO[str] | None) -> None:
    try:
        if pipe:
            pipe.close()
    except OSError:
        pass  # unsent bytes for a process that has ended
