"""Which runs are compared, by which metric, and the paired test of the best one on the rows it shares with others."""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel
from pydantic import Field as Described

from mlsteward.answer import interval, number
from mlsteward.errors import InvalidArgument, NotFound
from mlsteward.evaluation.association import holm
from mlsteward.evaluation.directions import METRICS, greater_is_better
from mlsteward.names import close_names
from mlsteward.runs.jobs.compare import Competitor, Request, Result
from mlsteward.store.fields import Field, read_field
from mlsteward.store.models import Model, find_model
from mlsteward.store.run_lines import RunLine, common_metrics, run_lines
from mlsteward.store.run_query import RunQuery, find_runs
from mlsteward.store.runs import Run
from mlsteward.store.transaction import Transaction

MOST = 30
_LEVEL = 0.05
_FILE = "artifacts/test_predictions.parquet"


@dataclass(frozen=True)
class Chosen:
    """The runs to compare, their models where they left one, and how many runs match in all."""

    lines: list[RunLine]
    models: dict[int, Model]
    total: int

    def notes(self) -> list[str]:
        """What makes their metrics hard to compare."""
        notes: list[str] = []
        targets = sorted({line.target for line in self.lines if line.target})
        if len(targets) > 1:
            notes.append(f"The targets differ ({', '.join(targets)}): their metrics measure different things.")
        elif len({line.dataset for line in self.lines}) > 1:
            notes.append("The datasets differ: metrics were measured on different rows.")
        unfinished = [f"{line.state} run:{line.number}" for line in self.lines if line.state != "completed"]
        return [*notes, *([f"Not completed: {', '.join(unfinished)}."] if unfinished else [])]


class RowTest(BaseModel):
    """The best run against another on the test rows that both held out."""

    run: int
    difference: float | None = Described(description="The best run's metric minus this run's.")
    low: float | None = None
    high: float | None = None
    p: float | None = Described(default=None, description="Adjusted for the number of runs (Holm).")
    rows: int
    units: int


@dataclass
class PairedTest:
    """What came of it; `going` is the run that has not ended yet."""

    pairs: list[RowTest] = field(default_factory=list[RowTest])
    notes: list[str] = field(default_factory=list[str])
    going: int = 0

    def verdict(self, lines: Sequence[RunLine], metric: Field) -> str:
        """Who is best, and whether that can be chance."""
        best = lines[0].metric(metric)
        shown = interval(best.value, best.low, best.high) if best else ""
        words = f"{len(lines)} runs: best by {metric.shown} is run:{lines[0].number} with {shown}"
        if self.going:
            return f"{words}; the paired test goes on as run:{self.going}."
        if not self.pairs:
            return f"{words}."
        sign = 1 if greater_is_better(metric.name) else -1
        on = "on the test rows they share"
        ahead = [pair for pair in self.pairs if _is_clear(pair) and sign * (pair.difference or 0.0) > 0]
        if len(ahead) == len(self.pairs):
            return f"{words}, clearly ahead of the other {len(ahead)} {on}."
        close = ", ".join([f"run:{pair.run}" for pair in self.pairs if pair not in ahead][:3])
        if not ahead:
            return f"{words}, but not clearly ahead of any {on}: {close} may be as good."
        return f"{words}, clearly ahead of {len(ahead)} of {len(self.pairs)} {on}; {close} may be as good."

    def next(self, lines: Sequence[RunLine], models: dict[int, Model]) -> str:
        best = lines[0]
        if self.going:
            return f"get_run(run={self.going}, wait_seconds=20)"
        if best.number in models:
            return f'evaluate_model(model="{models[best.number].label}", dataset="{best.dataset}")'
        return f"get_run(run={best.number})"


def select_runs(t: Transaction, numbers: Sequence[int], where: str, last: int) -> Chosen:
    """The runs of those numbers, or else the last completed training runs that match `where`.

    Raises NotFound for a run that does not exist or when fewer than two match, InvalidArgument for too many.
    """
    numbers = list(dict.fromkeys(numbers))
    total = len(numbers)
    if not numbers:
        query = RunQuery(where=where, kind="train", state="completed")
        found = find_runs(t, query, limit=min(max(last, 2), MOST))
        numbers, total = found.numbers, found.total
        if total < 2:
            raise NotFound(
                f"Only {total} completed training runs match; comparing takes two.", next='list_runs(kind="")'
            )
    if len(numbers) == 1 or len(numbers) > MOST:
        raise InvalidArgument(f"compare_runs takes 2 to {MOST} runs, not {len(numbers)}.", next="list_runs()")
    lines = run_lines(t, numbers)
    if missing := set(numbers) - {line.number for line in lines}:
        raise NotFound(f"There is no run:{min(missing)}.", next='list_runs(kind="")')
    models: dict[int, Model] = {}
    for line in lines:
        with suppress(NotFound):
            models[line.number] = find_model(t, line.label)
    return Chosen(lines, models, total)


def choose_metric(chosen: Chosen, name: str) -> Field:
    """The metric of that name, else the one that most of the runs' models were chosen by, else the commonest.

    Raises NotFound when no run has it.
    """
    known = {metric.shown: metric for metric in common_metrics(chosen.lines)}
    if name:
        metric = read_field(name)
        if metric.kind == "metric" and metric.shown in known:
            return known[metric.shown]
        raise NotFound(
            f"None of the runs has a metric {name!r}; they have {', '.join(known) or 'none'}.",
            close=close_names(name, list(known)),
        )
    if not known:
        raise NotFound("None of the runs has a metric to compare.", next=f"get_run(run={chosen.lines[0].number})")
    judged_by = Counter(model.metric for model in chosen.models.values() if model.metric in known)
    return known[judged_by.most_common(1)[0][0]] if judged_by else next(iter(known.values()))


def plan_test(
    chosen: Chosen, lines: Sequence[RunLine], metric: Field, folder: Callable[[int], Path], workspace: Path
) -> tuple[Request | None, list[str]]:
    """The test of the first of `lines` against the others, None with the reason when there can be none."""
    best = chosen.models.get(lines[0].number)
    if best is None or not (folder(best.run) / _FILE).is_file():
        return None, [f"No paired test: run:{lines[0].number} left no test predictions here."]
    if metric.name not in METRICS[best.task]:
        return None, [f"No paired test: {metric.name} is not computed from predictions here."]
    rivals, notes = _rivals(chosen, lines[1:], best, folder)
    if not rivals:
        return None, [*notes, "No paired test: no other run predicts the same target on rows that are kept here."]

    def competitor(model: Model) -> Competitor:
        path = (folder(model.run) / _FILE).relative_to(workspace)
        return Competitor(run=model.run, predictions=str(path), classes=model.classes, threshold=model.threshold)

    return (
        Request(task=best.task, metric=metric.name, best=competitor(best), others=[competitor(one) for one in rivals]),
        notes,
    )


def read_test(run: Run, metric: Field, notes: Sequence[str]) -> PairedTest:
    """The test as it stands."""
    if run.state in ("queued", "running"):
        return PairedTest(notes=list(notes), going=run.number)
    if run.state != "completed":
        return PairedTest(
            notes=[*notes, f"The paired test {run.state} ({run.label}): {run.error.partition(chr(10))[0]}"]
        )
    pairs = Result.model_validate(run.result).pairs
    tested = [pair for pair in pairs if pair.difference is not None]
    adjusted = iter(holm([pair.p for pair in tested if pair.p is not None]))
    shown = [
        RowTest(
            run=pair.run,
            difference=_short(pair.difference),
            low=_short(pair.low),
            high=_short(pair.high),
            p=None if pair.p is None else _short(next(adjusted)),
            rows=pair.rows,
            units=pair.units,
        )
        for pair in tested
    ]
    found = list(notes)
    found += [f"Not tested: run:{pair.run}, {pair.why}." for pair in pairs if pair.why]
    if any(pair.p is None for pair in tested):
        found.append("Too few independent units for an interval where none is shown.")
    if metric.split != "test" and shown:
        found.append(f"The paired test is of {metric.name} on the test rows.")
    if len(shown) > 2:
        found.append("The best was picked on these very rows, so its lead is flattered.")
    return PairedTest(shown, found)


def _rivals(
    chosen: Chosen, lines: Sequence[RunLine], best: Model, folder: Callable[[int], Path]
) -> tuple[list[Model], list[str]]:
    rivals: list[Model] = []
    without: list[str] = []
    for line in lines:
        model = chosen.models.get(line.number)
        if model is None or not (folder(line.number) / _FILE).is_file():
            without.append(f"run:{line.number}")
        elif (model.task, model.target) == (best.task, best.target):
            rivals.append(model)
    return rivals, [f"No test predictions here of {', '.join(without)}."] if without else []


def _is_clear(pair: RowTest) -> bool:
    return pair.p is not None and pair.p < _LEVEL


def _short(value: float | None) -> float | None:
    return None if value is None else float(number(value, 4))
