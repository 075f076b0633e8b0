"""`mlsteward watch`: look at deployments when they are due, and start what else is planned, until stopped."""

import argparse
import signal
import sys
import threading
from datetime import UTC, datetime
from types import FrameType

from mlsteward.config import Settings
from mlsteward.monitoring.budget import budget_words, duration_words
from mlsteward.runs.schedule import Due, Schedule
from mlsteward.server.command import Command
from mlsteward.store.monitors import monitors
from mlsteward.store.runs import ACTIVE, get_run
from mlsteward.workspace import Workspace

_LOOK_SECONDS = 1.0


def arguments(_: argparse.ArgumentParser, __: argparse.ArgumentParser) -> None:
    """It takes the common flags alone."""


def run(settings: Settings, _: argparse.Namespace) -> int:
    workspace = Workspace(settings)
    stopped = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    try:
        _watch(workspace, stopped)
    finally:
        workspace.close()
    return 0


def _watch(workspace: Workspace, stopped: threading.Event) -> None:
    going: dict[int, Due] = {}
    schedule = Schedule(workspace, lambda run, due: going.update({run: due}))
    _tell(_watched(workspace))
    workspace.alerts.wake()
    workspace.look_after_endpoints()
    schedule.wake()
    try:
        while not stopped.wait(_LOOK_SECONDS):
            _tell_ended(workspace, going)
    finally:
        schedule.close()
        _tell_ended(workspace, going)


def _watched(workspace: Workspace) -> str:
    found = workspace.store.read(monitors)
    if not found:
        return "Nothing is watched yet: set_monitor says what is. Waiting for it; Ctrl-C ends this."
    names = ", ".join(f"{one.deployment} every {duration_words(one.every)}" for one in found)
    return f"Watching {names}: {budget_words([one.budget for one in found])}. Ctrl-C ends this."


def _tell_ended(workspace: Workspace, going: dict[int, Due]) -> None:
    """Say what came of each run that was started, once it has ended."""
    if not going:
        return
    workspace.runs.take_in()
    for number, due in list(going.items()):
        run = workspace.store.read(lambda t, number=number: get_run(t, number))
        if run.state in ACTIVE:
            continue
        words = str(run.result.get("verdict") or run.error or run.state)
        _tell(f"{due.asset}, {run.label}: {words}")
        del going[number]


def _tell(words: str) -> None:
    sys.stdout.write(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} {words}\n")
    sys.stdout.flush()


COMMAND = Command("watch", "look at deployments whenever they are due, until stopped", arguments, run)
