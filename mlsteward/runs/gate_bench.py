"""A model under its gates: each method is the gate of its name. Only worker code imports this."""

import time
from collections.abc import Callable
from functools import cached_property

import numpy as np
import pandas as pd

from mlsteward.contracts.check import CheckResult
from mlsteward.contracts.run import run_checks
from mlsteward.data.engine import connect
from mlsteward.data.snapshot import verify_snapshot
from mlsteward.errors import InvalidArgument, StewardError, UnusableData
from mlsteward.evaluation.intervals import Interval
from mlsteward.evaluation.predictions import Floats, Predictions
from mlsteward.evaluation.table_fit import check_table
from mlsteward.gates.artifact import artifact
from mlsteward.gates.baselines import baselines, dummy_predictions
from mlsteward.gates.calibration import calibration
from mlsteward.gates.contract import contract
from mlsteward.gates.cost import cost
from mlsteward.gates.fairness import fairness
from mlsteward.gates.leakage import leakage
from mlsteward.gates.lineage import lineage
from mlsteward.gates.live_drift import live_drift
from mlsteward.gates.non_inferiority import non_inferiority
from mlsteward.gates.result import GateResult
from mlsteward.gates.rules import GateRules, Gates
from mlsteward.gates.thresholds import thresholds
from mlsteward.gates.verdict import settled
from mlsteward.gates.worst_slice import worst_slice
from mlsteward.runs.gate_rows import (
    HeldOut,
    day_numbers,
    flipped_threshold,
    live_rows,
    megabytes,
    predictions_of,
    read_held_out,
    shared_rows,
)
from mlsteward.runs.job import Job
from mlsteward.runs.jobs.gate import Request
from mlsteward.runs.judged_rows import TEST_ROWS, TRAIN_ROWS, predictions_column
from mlsteward.serving.model_file import load_bundle
from mlsteward.serving.single_row import Parity, SingleRow, cells_of, parity
from mlsteward.training.bundle import ModelBundle

_SLICED = 30
_TIMINGS = 200
_WARM = 20


def run_gates(request: Request, job: Job, gates: Gates) -> list[GateResult]:
    """The result of every gate that is on, in the order of the policy.

    What keeps a gate from being looked at (rows that are gone, a file that is not the registered one) is what it says.
    """
    bench = GateBench(request, job, gates)
    chosen: dict[str, GateRules] = {
        name: rules for name in Gates.model_fields if (rules := getattr(gates, name)).on is not False
    }
    found: list[GateResult] = []
    for place, (name, rules) in enumerate(chosen.items()):
        job.progress(place / len(chosen), f"gate {name}")
        try:
            result: GateResult = getattr(bench, name)()
        except StewardError as error:
            result = GateResult(gate=name, outcome="cannot tell", words=f"Cannot tell: {error.said()}")
        found.append(settled(result, rules))
    return found


class GateBench:
    """What the gates share: the model's file and its held-out rows, read once."""

    def __init__(self, request: Request, job: Job, gates: Gates) -> None:
        self.request = request
        self.job = job
        self.gates = gates

    @cached_property
    def bundle(self) -> ModelBundle:
        return load_bundle(self.job.workspace / self.request.model.path, self.request.model.sha256)

    @cached_property
    def held(self) -> HeldOut:
        return read_held_out(self.request, self.job, self.bundle)

    def contract(self) -> GateResult:
        request = self.request
        if not request.dataset:
            raise UnusableData(f"{request.model.label} was trained on no dataset that is known here.")
        unfit = ""
        try:
            check_table(request.model.signature, request.columns, dataset=request.dataset, target=request.model.target)
        except InvalidArgument as error:
            unfit = error.said()
        return contract(request.dataset, self._checked(), unfit)

    def _checked(self) -> list[CheckResult] | None:
        """The checks of the contract on the rows that were trained on, as old as they were when they came."""
        request, job = self.request, self.job
        if request.contract is None or request.contract.registered is None:
            return None
        if not request.snapshot:
            raise UnusableData(f"The rows of {request.dataset} were given up.")
        path = verify_snapshot(job.workspace, request.snapshot, request.source_hash, reference=request.reference)
        temp = job.folder / "temp"
        temp.mkdir(exist_ok=True)
        with connect(memory_mb=job.memory_mb // 4, temp=temp, threads=1) as connection:
            return run_checks(connection, path, request.contract, request.contract.registered, temp / "checks")

    def thresholds(self) -> GateResult:
        metrics = {name: Interval(one.value, one.low, one.high) for name, one in self.request.metrics.items()}
        return thresholds(metrics, self.request.model.task, self.gates.thresholds)

    def non_inferiority(self) -> GateResult:
        request, incumbent, rules = self.request, self.request.incumbent, self.gates.non_inferiority
        gate = "non_inferiority"
        if incumbent is None:
            words = f"{request.name} has no {request.alias} yet, so there is none to compare with."
            return GateResult(gate=gate, outcome="not applicable", words=words)
        label = incumbent.model.label
        if incumbent.unlike:
            return GateResult(
                gate=gate, outcome="not comparable", words=f"Not comparable with {label}: {incumbent.unlike}."
            )
        held = self.held
        try:
            other = load_bundle(self.job.workspace / incumbent.model.path, incumbent.model.sha256)
            shared = shared_rows(request, self.job, held, incumbent.model)
        except StewardError as error:
            words = f"Not comparable with {label}: {error.said()}"
            return GateResult(gate=gate, outcome="not comparable", words=words)
        scored = held.scored.take(shared)
        classes = scored.predictions.classes
        rows = held.frame.loc[shared]
        return non_inferiority(
            scored,
            predictions_of(other, rows, classes) if len(rows) else Predictions(np.empty(0, dtype=object)),
            rules,
            champion_label=label,
            metric=incumbent.model.metric if rules.metric == "auto" else rules.metric,
            champion_threshold=flipped_threshold(other, classes),
            seed=request.seed,
        )

    def baselines(self) -> GateResult:
        request, model = self.request, self.request.model
        train = self.job.workspace / model.artifacts / TRAIN_ROWS
        truth, weights = predictions_column(train, "truth"), predictions_column(train, "weight")
        if truth is None:
            raise UnusableData(f"{model.label} left no record of its training rows.")
        scored = self.held.scored
        dummy = dummy_predictions(model.task, truth, scored.predictions.classes, len(scored.truth), weights)
        linear = request.difference
        return baselines(
            scored,
            dummy,
            Interval(linear.value, linear.low, linear.high) if linear else None,
            metric=model.metric,
            seed=request.seed,
        )

    def worst_slice(self) -> GateResult:
        model, rules = self.request.model, self.gates.worst_slice
        own = [signed.name for signed in model.signature if signed.kind != "text"]
        columns = [name for name in rules.columns if name in self.held.frame.columns] or own[:_SLICED]
        with connect(memory_mb=self.job.memory_mb // 4, threads=1) as connection:
            return worst_slice(
                connection,
                self.held.frame,
                self.held.scored,
                rules,
                metric=model.metric,
                columns=columns,
                hidden=self.request.hidden,
                seed=self.request.seed,
            )

    def fairness(self) -> GateResult:
        rules, hidden = self.gates.fairness, self.request.hidden
        if not rules.columns:
            words = "The policy names no column of groups ([gates.fairness] columns)."
            return GateResult(gate="fairness", outcome="not applicable", words=words)
        return fairness(self.held.frame, self.held.scored, rules, hidden=hidden, seed=self.request.seed)

    def calibration(self) -> GateResult:
        return calibration(self.held.scored, self.gates.calibration)

    def leakage(self) -> GateResult:
        request = self.request
        folder = self.job.workspace / request.model.artifacts
        train, test = (
            predictions_column(folder / TRAIN_ROWS, "features"),
            predictions_column(folder / TEST_ROWS, "features"),
        )
        if train is None or test is None:
            raise UnusableData(f"{request.model.label} left no record of the rows that it was trained and measured on.")
        return leakage(train, test, self.gates.leakage, later=request.later, questions=request.questions)

    def live_drift(self) -> GateResult:
        request = self.request
        live = live_rows(request, self.job)
        if live is None:
            words = "Nothing is served under its name, and its dataset has no newer version."
            return GateResult(gate="live_drift", outcome="not applicable", words=words)
        training, column = self.held.rows.frame, request.model.split_column
        return live_drift(
            training,
            live.frame,
            self.gates.live_drift,
            columns=request.model.signature,
            importance=request.importance,
            hidden=request.hidden,
            live_label=live.label,
            training_days=day_numbers(training, column) if live.days is not None else None,
            live_days=live.days if day_numbers(training, column) is not None else None,
        )

    @cached_property
    def single_row(self) -> Parity:
        """Whether single rows may be served without frames, on the held-out rows."""
        return parity(self.bundle, self.held.frame)

    def cost(self) -> GateResult:
        """Timed the way an endpoint serves: straight from cells where that says the same."""
        size = megabytes(self.job.workspace / self.request.model.path)
        return cost(self._timings(), size, self.gates.cost)

    def _timings(self) -> list[float]:
        frame = self.held.frame.iloc[np.arange(_WARM + _TIMINGS) % len(self.held.frame)]
        serve = self._from_cells(frame) if self.single_row.passed else self._from_frame(frame)
        timings: list[float] = []
        for place in range(len(frame)):
            begun = time.perf_counter()
            serve(place)
            timings.append(1000 * (time.perf_counter() - begun))
        return timings[_WARM:]

    def _from_cells(self, frame: pd.DataFrame) -> Callable[[int], object]:
        row = SingleRow(self.bundle)
        cells = cells_of(frame, row.columns)
        return lambda place: row.scores([cells[place]])

    def _from_frame(self, frame: pd.DataFrame) -> Callable[[int], object]:
        return lambda place: self.bundle.predict(frame.iloc[[place]])

    def artifact(self) -> GateResult:
        """The one gate that a file which does not open fails: for the others that is a reason not to look."""
        try:
            bundle = self.bundle
        except StewardError as error:
            return GateResult(gate="artifact", outcome="failed", words=error.said())
        measured, again = self._measured(bundle)
        way = self.single_row
        words = f"{way.words}{'' if way.passed else '; they are served through frames'}"
        return artifact(measured, again, sha256=self.request.model.sha256, single_row=words, single_row_ok=way.passed)

    def _measured(self, bundle: ModelBundle) -> tuple[Floats, Floats]:
        """What was stored of the held-out rows when the model was measured, and the same from its file."""
        held, file = self.held, self.job.workspace / self.request.model.artifacts / TEST_ROWS
        features = predictions_column(file, "features")
        names = [f"score_{place}" for place in range(len(bundle.classes))] or ["prediction"]
        stored = [predictions_column(file, name) for name in names]
        if features is None or any(column is None for column in stored):
            return np.empty((0, 1)), np.empty((0, 1))
        # Rows of the same features have the same prediction, so either stands for the other.
        known, first = np.unique(features, return_index=True)
        place = np.searchsorted(known, held.hashes(self.request.model.label))
        measured = np.column_stack([np.asarray(column, dtype=np.float64)[first][place] for column in stored])
        found = held.scored.predictions
        again = found.scores if found.scores is not None else found.labels.astype(np.float64).reshape(-1, 1)
        return measured, again

    def lineage(self) -> GateResult:
        return lineage(self.request.origin)
