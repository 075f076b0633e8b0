"""A server in a process of its own, which tests start, talk to and kill.

`python -m tests.run_server WORKSPACE` obeys lines on its standard input, and answers each with a line:
`start DEED UNTIL` starts a run of the job kind `probe` and says its number; `take in` looks at all runs.
"""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from mlsteward.config import Settings
from mlsteward.runs.actor import Actor
from mlsteward.runs.kinds import job_kind
from mlsteward.workspace import Workspace


class OtherServer:
    """Such a process, seen from a test."""

    def __init__(self, workspace: Path, *options: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.run_server", str(workspace), *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parent.parent,
            text=True,
            start_new_session=True,
        )

    def ask(self, line: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def answer(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def start(self, deed: str, until: Path) -> int:
        self.ask(f"start {deed} {until}")
        return int(self.answer())

    def kill(self) -> None:
        self.process.kill()
        self._forget()

    def kill_tree(self) -> None:
        """What a host does that wants to be rid of a server: kill all its descendants and its process group."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        for process in [*children, psutil.Process(self.process.pid)]:
            process.kill()
        self._forget()

    def end(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self._forget()

    def _forget(self) -> None:
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream:
                stream.close()


def eventually(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Return once `condition` holds; fail when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.01)


def gone(process: psutil.Process) -> bool:
    """Whether the process has ended, be it that nobody has asked how."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def main() -> None:
    workspace = Workspace(Settings(workspace=Path(sys.argv[1]), data=[]))
    if "--spawn" in sys.argv:
        from mlsteward.runs.runs import Runs

        workspace.__dict__["runs"] = Runs(workspace.folder, workspace.store, fork=False)
    for line in sys.stdin:
        command, *words = line.split()
        if command == "start":
            request = job_kind("probe").Request.model_validate({"deed": words[0], "until": words[1]})
            answer = str(workspace.runs.start("probe", request, actor=Actor(name="other")))
        else:
            workspace.runs.take_in()
            answer = "taken in"
        sys.stdout.write(answer + "\n")
        sys.stdout.flush()
    workspace.close()


if __name__ == "__main__":
    main()
