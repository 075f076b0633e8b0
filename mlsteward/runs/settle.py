"""Taking a run's end into the store, in the one transaction that says so."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mlsteward.errors import StewardError
from mlsteward.runs.folder import Outcome, RunFolder
from mlsteward.runs.kinds import job_kind
from mlsteward.store.runs import Run, get_run, update_run

if TYPE_CHECKING:
    from mlsteward.store.transaction import Transaction


class NotRecorded(Exception):
    """A job kind could not record its result. The transaction must not be committed; the run fails with `words`."""

    def __init__(self, words: str, following: str = "") -> None:
        self.words = words
        self.result = {"next": following} if following else {}
        super().__init__(words)


def settle(t: "Transaction", number: int, folder: RunFolder, *, instead: NotRecorded | None = None) -> Run:
    """The run, after its result or its loss has been written. Nothing is written twice, whoever else looks.

    With `instead` the run fails with its words, whatever its result.
    """
    run = get_run(t, number)
    if run.state != "running":
        return run
    # In this order: a worker leaves its result first and the lock second.
    gone = folder.gone()
    outcome = folder.outcome()
    if outcome is not None:
        _take_in(t, run, folder, outcome, instead)
    elif gone:
        _end_without_result(t, run, folder)
    return get_run(t, number)


def _take_in(t: "Transaction", run: Run, folder: RunFolder, outcome: Outcome, instead: NotRecorded | None) -> None:
    state, error = ("failed", instead.words) if instead else (outcome.state, outcome.error)
    update_run(
        t,
        run.number,
        state=state,
        error=error,
        result=instead.result if instead else outcome.result,
        **outcome.model_dump(exclude={"state", "error", "result"}),
    )
    if state == "completed":
        _record(t, get_run(t, run.number), folder, outcome)


def _record(t: "Transaction", run: Run, folder: RunFolder, outcome: Outcome) -> None:
    kind = job_kind(run.kind)
    try:
        kind.record(t, run, kind.Result.model_validate(outcome.result), folder.path)
    except StewardError as error:
        raise NotRecorded(error.said(), error.next) from error
    except Exception as error:  # a fault in one kind of job must not stop the server that happens to look
        words = (
            f"Its result could not be recorded: {type(error).__name__}, a fault of ours; the server's log says where."
        )
        raise NotRecorded(words) from error


def _end_without_result(t: "Transaction", run: Run, folder: RunFolder) -> None:
    finished = datetime.now(UTC)
    wall = (finished - run.started).total_seconds() if run.started else None
    if folder.cancel_wanted():
        update_run(t, run.number, state="cancelled", finished=finished, wall_seconds=wall)
        return
    tail = folder.log_tail()
    words = "Its worker ended without a result: killed, out of memory, or the machine stopped."
    if tail:
        words += f" The end of its log:\n{tail}"
    update_run(t, run.number, state="lost", error=words, finished=finished, wall_seconds=wall)
