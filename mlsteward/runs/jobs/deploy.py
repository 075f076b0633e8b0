"""The work behind `deploy_model`: models are opened and tried on real rows before anything is served by them."""

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from mlsteward.answer import number
from mlsteward.errors import Refused
from mlsteward.lineage.edge import model_asset
from mlsteward.record import Record
from mlsteward.runs.job import Job
from mlsteward.runs.policy import workspace_policy
from mlsteward.serving.endpoint.desired import DEPLOYMENTS
from mlsteward.store.aliases import aliases_of
from mlsteward.store.approvals import ask_approval
from mlsteward.store.deployment_events import By, followed_by
from mlsteward.store.deployments import Deployment, known_deployment, place
from mlsteward.store.runs import Run
from mlsteward.store.transaction import Transaction

if TYPE_CHECKING:
    from mlsteward.serving.single_row import SingleRow
    from mlsteward.training.bundle import ModelBundle

_ROWS = 500
_TIMED = 200


class Part(Record):
    """A model that would get requests: `role` is champion, canary or shadow; paths are relative to the workspace.

    `snapshot` holds its training data, "" where that was given up.
    """

    role: str
    label: str
    path: str
    sha256: str
    snapshot: str = ""


class Request(Record):
    """What is to be served in place of revision `expected` (0: nothing), once its `parts` have been tried."""

    # What comes of rows are times and differences.
    values: ClassVar[bool] = False

    wanted: Deployment
    expected: int
    parts: list[Part]
    alias: str = ""


class Trial(Record):
    """How a model did on `rows` real rows: milliseconds for one alone, and whether the way that requests take says what
    the model says."""

    role: str
    label: str
    rows: int
    p50_ms: float | None = None
    p99_ms: float | None = None
    parity: str = ""

    def line(self) -> str:
        if not self.rows:
            return f"{self.role} {self.label} opens; its training rows are gone, so it was not tried on any"
        times = f"{number(self.p50_ms, 3)} ms a row (99 %: {number(self.p99_ms, 3)} ms) to score"
        return f"{self.role} {self.label}: {times}; {self.parity}"


class Result(Record):
    """What was tried, and what is to be served: it may wait for a person before it is."""

    verdict: str
    next: str
    wanted: Deployment
    expected: int
    trials: list[Trial]

    def findings(self, run: Run) -> list[str]:
        return [trial.line() for trial in self.trials]


def work(request: Request, job: Job) -> Result:
    """Open each model, hold the way of single rows to the model's own on real rows, and time it."""
    # Servers look after endpoints where this folder is.
    (job.workspace / DEPLOYMENTS / request.wanted.name).mkdir(parents=True, exist_ok=True)
    trials: list[Trial] = []
    for place_, part in enumerate(request.parts):
        job.progress(place_ / len(request.parts), f"trying {part.label}")
        trials.append(_try(part, job))
    wanted = request.wanted
    return Result(
        verdict=f"{_what(wanted)} was tried and is to be served as {wanted.name}.",
        next=f'check_deployment(deployment="{wanted.name}")',
        wanted=wanted,
        expected=request.expected,
        trials=trials,
    )


def _try(part: Part, job: Job) -> Trial:
    from mlsteward.data.frames import read_frame, spread
    from mlsteward.data.snapshot import Column
    from mlsteward.serving.model_file import load_bundle
    from mlsteward.serving.single_row import SingleRow, parity

    bundle = load_bundle(job.workspace / part.path, part.sha256)
    row = SingleRow(bundle)
    snapshot = job.workspace / part.snapshot
    if not part.snapshot or not snapshot.is_file():
        return Trial(role=part.role, label=part.label, rows=0)
    columns = [Column(name=column.name, type=column.type) for column in bundle.signature]
    frame = spread(read_frame(snapshot, columns), _ROWS)
    held = parity(bundle, frame, rows=_ROWS)
    if held.rows and not held.passed:
        raise Refused(
            f"{part.label} cannot be served: its scores of single rows are not those of the model, {held.words}.",
            next=f'predict_rows(model="{part.label}", …)',
        )
    times = sorted(_times(row, bundle, frame))
    return Trial(
        role=part.role,
        label=part.label,
        rows=held.rows,
        p50_ms=times[len(times) // 2] if times else None,
        p99_ms=times[int(len(times) * 0.99)] if times else None,
        parity=held.words,
    )


def _times(row: "SingleRow", bundle: "ModelBundle", frame: object) -> list[float]:
    """Milliseconds that each of some rows takes alone."""
    import time

    import pandas as pd

    from mlsteward.serving.single_row import cells_of

    assert isinstance(frame, pd.DataFrame)
    times: list[float] = []
    for cells in cells_of(frame, row.columns)[:_TIMED]:
        start = time.perf_counter()
        row.scores([cells])
        times.append((time.perf_counter() - start) * 1000)
    # The first ones find nothing in the caches.
    return times[len(times) // 10 :]


def record(transaction: Transaction, run: Run, result: Result, folder: Path) -> None:
    """Have it served, or ask for it where the policy of the workspace wants a person to allow it."""
    wanted = result.wanted
    model = wanted.canary_model or wanted.model
    policy = workspace_policy(folder.parent.parent).of(model.partition("@")[0]).approval
    if any(policy.wants("deploy", alias) for alias in ("", *_aliases(transaction, wanted))):
        ask_approval(
            transaction,
            run,
            action="deploy",
            asset=model_asset(model),
            subject=wanted.label,
            summary=f"{_what(wanted)} is served as {wanted.name}",
            ways=policy.by,
            hours=policy.expires_hours,
        )
    else:
        granted(transaction, run, result)


def _aliases(t: Transaction, wanted: Deployment) -> set[str]:
    """The aliases that it is about: those that the deployment follows or ever followed, and those that stand on a model
    that is to answer. So naming a version, or a canary, is no way round a person."""
    followed = {wanted.asked.partition("@")[2]} if wanted.follows else set[str]()
    answering = [label.partition("@") for label in (wanted.model, wanted.canary_model)]
    standing = {
        alias
        for name, _, version in answering
        for alias, number in aliases_of(t, name).items()
        if version == str(number)
    }
    return followed | followed_by(t, wanted.name) | standing


def granted(transaction: Transaction, run: Run, result: Result) -> None:
    """Have it served. Raises Refused when something else came to be served meanwhile."""
    wanted = result.wanted
    known = known_deployment(transaction, wanted.name)
    if (known.revision if known else 0) != result.expected:
        raise Refused(
            f"{wanted.label} has changed since it was asked for.", next=f'check_deployment(deployment="{wanted.name}")'
        )
    event = "canary started" if wanted.canary else "changed" if known else "deployed"
    by = By(actor=run.actor, client=run.client, run=run.number)
    place(transaction, wanted, event=event, by=by, words=_what(wanted), why=run.reason)


def _what(wanted: Deployment) -> str:
    """`delay@champion (delay@3)`, `delay@4 for 10 % of requests`."""
    if wanted.canary:
        return f"{wanted.canary_model} for {wanted.canary} % of requests"
    model = f"{wanted.asked} ({wanted.model})" if wanted.follows else wanted.model
    return f"{model}, with {wanted.shadow_model} in its shadow" if wanted.shadow_model else model
