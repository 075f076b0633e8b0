"""`python -P -m mlsteward.runs.detached MODULE ARGUMENT…` runs a module in a process of its own, and returns at once.

It has its own session and no descriptor of whoever starts it but the log, which is its standard output and error;
whoever starts it is not its parent, so that it lives on and leaves no zombie. Its process id is printed.
"""

import os
import runpy
import subprocess
import sys
from pathlib import Path

from mlsteward.runs.environment import SETTLED

# What a process that listens on the network needs of its environment: no passwords, keys or addresses.
_KEPT = ("PATH", "HOME", "LANG", "TZ", "TMPDIR", "TEMP", "TMP", "USER", "LOGNAME", "VIRTUAL_ENV")
_KEPT_BEGINNINGS = ("LC_", "LD_", "DYLD_", "PYTHON")


def start_detached(module: str, *arguments: str, folder: Path, log: Path) -> int:
    """Start `python -m module arguments…` in `folder`, printing into `log`; returns its process id."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        # -P: the folder is no place to import from.
        started = subprocess.run(
            [sys.executable, "-P", "-m", "mlsteward.runs.detached", module, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=descriptor,
            cwd=folder,
            env=_environment(),
            start_new_session=True,
            check=True,
            timeout=60,
        )
    finally:
        os.close(descriptor)
    return int(started.stdout)


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name in _KEPT or name.startswith(_KEPT_BEGINNINGS)}
    return {**kept, **SETTLED}


def main() -> None:
    if child := os.fork():
        os.write(1, str(child).encode())
        os._exit(0)
    os.umask(0o077)
    os.dup2(2, 1)
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
