"""The runs of a workspace: started, waited for, taken in, cancelled.

Everything here may be called from any thread, and by several servers on one workspace at once: what state a run is in
is decided inside the store's transactions.
"""

import logging
import os
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel

from mlsteward.runs.actor import Actor
from mlsteward.runs.alive import take_lock
from mlsteward.runs.folder import RunFolder, WorkOrder
from mlsteward.runs.fork import ForkLauncher
from mlsteward.runs.kinds import job_kind, startable, takes_worker
from mlsteward.runs.launch import Launcher, Launches
from mlsteward.runs.marks import Marks
from mlsteward.runs.reading import reading
from mlsteward.runs.settle import NotRecorded, settle
from mlsteward.runs.spawn import SpawnLauncher
from mlsteward.runs.stop import stop_worker
from mlsteward.runs.watch import Watch
from mlsteward.store.pipelines import steps_of
from mlsteward.store.runs import ACTIVE, Run, add_run, get_run, runs_in_state, update_run

if TYPE_CHECKING:
    from mlsteward.store.store import Store, Transaction

logger = logging.getLogger("mlsteward.runs")

_FIRST_PAUSE = 0.002
_LONGEST_PAUSE = 0.02
_LOGGED_PAUSE = 0.5
T = TypeVar("T")


class Runs:
    """The runs of the workspace in `folder`. Constructing it starts and opens nothing.

    At most `max_workers` runs of the workspace run at a time, each with at most `memory_mb`; the rest are queued.
    `compute` names a cluster that their work is spread over. `outlive_host` says whether runs go on when this process
    ends. `recorded` is called when it was written that a run began or ended.
    """

    def __init__(
        self,
        folder: Path,
        store: "Store",
        *,
        max_workers: int = 2,
        memory_mb: int = 8192,
        compute: str = "",
        fork: bool = hasattr(os, "fork"),
        recorded: Callable[[], None] = lambda: None,
    ) -> None:
        self._workspace = folder
        self._store = store
        self._max_workers = max_workers
        self._memory_mb = memory_mb
        self._compute = compute
        launcher: Launcher = ForkLauncher(folder) if fork else SpawnLauncher()
        self.outlive_host = launcher.outlives_host
        self._launches = Launches(launcher, self._not_launched)
        self._watch = Watch(self._ended, self.take_in)
        self._marks = Marks(folder / "runs" / "active")
        self._looked = False
        self._recorded = recorded

    def folder(self, number: int) -> Path:
        """The run's folder; its artifacts are in `artifacts/` below it."""
        return self._workspace / "runs" / str(number)

    def start(
        self,
        kind: str,
        request: BaseModel,
        *,
        actor: Actor,
        name: str = "",
        dataset: str = "",
        fingerprint: str = "",
        target: str = "",
        params: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
        reason: str = "",
    ) -> int:
        """Record a run and have it worked on, now or when a worker is free. Its number is returned at once.

        Raises Refused when it would work on columns that its actor may not see (see `reading`).
        """
        job_kind(kind)
        run = Run(
            number=0,
            kind=kind,
            name=name,
            state="queued",
            dataset=dataset,
            fingerprint=fingerprint,
            target=target,
            params=dict(params or {}),
            tags=dict(tags or {}),
            actor=actor.name,
            client=actor.client,
            reason=reason,
            created=datetime.now(UTC),
        )
        order = WorkOrder(
            kind=kind,
            request=request.model_dump(mode="json"),
            workspace=self._workspace,
            memory_mb=self._memory_mb,
            compute=self._compute,
        )

        def record(t: "Transaction") -> int:
            number = add_run(t, reading(t, run, request, self._workspace, actor.clearance))
            self._folder(number).write_order(order)
            self._marks.add(number)
            return number

        number, launched = self._write_and_launch(record)
        self._watch.add([number])
        self._recorded()
        if number not in launched:
            # The workers may be those of runs that have ended, with nobody there to see it.
            self.take_in()
        return number

    def wait(self, number: int, seconds: float, progress: Callable[[float, str], None] | None = None) -> Run:
        """The run as it stands when it has ended, or after `seconds`. `progress` is told each new event."""
        run = self._read(number)
        if run.state not in ACTIVE:
            return run
        if not self._folder(number).has_order():
            return self._wait_logged(number, seconds)
        if run.state == "queued":
            self.take_in()
        self._watch.add([number])
        folder = self._folder(number)
        deadline = time.monotonic() + seconds
        pause = _FIRST_PAUSE
        told = ""
        while not folder.ended():
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                return self._read(number)
            event = folder.last_event() if progress else None
            if progress and event and event.message + str(event.done) != told:
                told = event.message + str(event.done)
                progress(event.done, event.message)
            time.sleep(min(pause, remaining))
            pause = min(pause * 1.3, _LONGEST_PAUSE)
        return self._settle(number)

    def _wait_logged(self, number: int, seconds: float) -> Run:
        """A run that is logged from elsewhere ends when the store says so."""
        deadline = time.monotonic() + seconds
        while (run := self._read(number)).state in ACTIVE and (remaining := deadline - time.monotonic()) > 0:
            time.sleep(min(_LOGGED_PAUSE, remaining))
        return run

    def cancel(self, number: int) -> Run:
        """End the run, whatever it is doing. A run that has ended is returned as it is."""
        folder = self._folder(number)

        def withdraw(t: "Transaction") -> Run:
            run = get_run(t, number)
            if run.state in ("queued", "waiting"):
                update_run(t, number, state="cancelled", finished=datetime.now(UTC))
                folder.want_cancel()
            return get_run(t, number)

        run = self._store.write(withdraw)
        if run.state != "running":
            self._recorded()
            return run
        folder.want_cancel()
        stop_worker(folder)
        ended = self._settle(number)
        if not takes_worker(run.kind):
            self._cancel_started(number)
        return ended

    def _cancel_started(self, number: int) -> None:
        """End what a cancelled pipeline had started and was waiting for."""
        for step in self._store.read(lambda t: steps_of(t, number)):
            if step.state == "running" and step.step_run:
                self.cancel(step.step_run)

    def take_in(self) -> None:
        """Look at all active runs: take in results, find the lost, start the queued.

        Where there are none this does not open the store.
        """
        marked = self._marks.read()
        # A restored store may have active runs from before the marks: the first look does not trust them.
        if self._looked and not marked:
            return
        active = self._ordered(self._store.read(lambda t: runs_in_state(t, *ACTIVE)))
        going = {run.number for run in active}
        self._marks.drop(marked - going)
        self._looked = True
        for run in active:
            if run.state == "running" and self._folder(run.number).ended():
                self._settle(run.number)
                going.discard(run.number)
        working = [run for run in active if run.state == "running" and run.number in going and takes_worker(run.kind)]
        if startable([run for run in active if run.state == "queued"], self._max_workers - len(working)):
            self._write_and_launch(lambda t: None)
        self._watch.add(going)

    def tell(self) -> None:
        """Something was decided outside of runs that those who follow them want to know."""
        self._recorded()

    def close(self) -> None:
        """Stop watching. Runs go on where they outlive their host."""
        self._watch.close()
        self._launches.close()

    def _folder(self, number: int) -> RunFolder:
        return RunFolder(self.folder(number))

    def _ordered(self, runs: list[Run]) -> list[Run]:
        """Those that have, had or will have a worker here, which runs that are logged from elsewhere have not."""
        return [run for run in runs if self._folder(run.number).has_order()]

    def _ended(self, number: int) -> bool:
        return self._folder(number).ended()

    def _read(self, number: int) -> Run:
        return self._store.read(lambda t: get_run(t, number))

    def _write_and_launch(self, work: Callable[["Transaction"], T]) -> tuple[T, set[int]]:
        """Do `work` in the store, and start as many queued runs as there are free workers; says which."""
        locks: dict[int, int] = {}

        def both(t: "Transaction") -> T:
            result = work(t)
            working = [run for run in self._ordered(runs_in_state(t, "running")) if takes_worker(run.kind)]
            for run in startable(runs_in_state(t, "queued"), self._max_workers - len(working)):
                locks[run.number] = take_lock(self._folder(run.number).alive)
                update_run(t, run.number, state="running", started=datetime.now(UTC))
            return result

        try:
            result = self._store.write(both)
        except BaseException:  # whatever it was: no lock may be left of runs that were not started
            for number, alive in locks.items():
                self._folder(number).alive.unlink(missing_ok=True)
                os.close(alive)
            raise
        for number, alive in locks.items():
            self._launches.begin(number, self._folder(number), alive)
        return result, set(locks)

    def _not_launched(self, number: int, words: str) -> None:
        def fail(t: "Transaction") -> None:
            if get_run(t, number).state == "running":
                update_run(t, number, state="failed", error=words, finished=datetime.now(UTC))

        self._store.write(fail)

    def _settle(self, number: int) -> Run:
        """Take in what there is of a run that has ended; the run as it stands then."""
        folder = self._folder(number)
        try:
            run = self._store.write(lambda t: settle(t, number, folder))
        except NotRecorded as error:
            logger.warning("run:%d was not recorded", number, exc_info=error)
            instead = error
            run = self._store.write(lambda t: settle(t, number, folder, instead=instead))
        if run.state not in ACTIVE:
            self._watch.drop(number)
            self._recorded()
        return run
