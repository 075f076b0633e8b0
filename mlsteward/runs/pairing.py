"""Which runs are compared, by which metric, and the paired test of the best one on the rows it shares with others."""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from mlsteward.answer import counted, interval
from mlsteward.errors import InvalidArgument, NotFound
from mlsteward.evaluation.directions import METRICS, greater_is_better
from mlsteward.names import close_names
from mlsteward.runs.jobs.compare import Competitor, Request, Result, RowTest
from mlsteward.store.fields import Field, read_field
from mlsteward.store.models import Model, find_model
from mlsteward.store.run_lines import RunLine, common_metrics, run_lines
from mlsteward.store.run_query import RunQuery, find_runs
from mlsteward.store.runs import Run
from mlsteward.store.transaction import Transaction
from mlsteward.training.options import TrainOptions

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
        """What else is to be known of the runs."""
        unfinished = [f"{line.state} run:{line.number}" for line in self.lines if line.state != "completed"]
        return [f"Not completed: {', '.join(unfinished)}."] if unfinished else []

    def caution(self) -> str:
        """Why their scores cannot be held against each other; "" when nothing speaks against it."""
        targets = sorted({line.target for line in self.lines if line.target})
        if len(targets) > 1:
            return f"The targets differ ({', '.join(targets)}): their metrics measure different things."
        parts: list[str] = []
        if len({line.dataset for line in self.lines}) > 1:
            parts.append("The datasets differ: metrics were measured on different rows.")
        splits = self._splits()
        if len(splits) > 1:
            told = "; ".join(f"{', '.join(labels)} {words}" for (_, words), labels in splits.items())
            parts.append(f"Split differently ({told}): scores on differently drawn test rows are not comparable.")
        if len({kind for kind, _ in splits}) > 1:
            random = ", ".join(label for (kind, _), labels in splits.items() if kind == "row" for label in labels)
            who = f"what was split at random ({random}): it" if random else "the one that"
            parts.append(
                f"On shared rows the paired difference favours {who} trained on rows of the same days or groups."
            )
        return " ".join(parts)

    def _splits(self) -> dict[tuple[str, str], list[str]]:
        """The runs by how their test rows were drawn: the kind, and the whole of it in words."""
        found: dict[tuple[str, str], list[str]] = {}
        for line in self.lines:
            split = self.models[line.number].split if line.number in self.models else {}
            if kind := str(split.get("kind", "")):
                column = f" on {split['column']}" if split.get("column") else ""
                size = float(line.params.get("test_size", TrainOptions.model_fields["test_size"].default))
                found.setdefault((kind, f"by {kind}{column}, {size:.0%} held out"), []).append(line.label)
        return found


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
            return f"{words}, clearly ahead of {'the other' if len(ahead) == 1 else f'all {len(ahead)} others'} {on}."
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
        matching = find_runs(t, query, limit=min(max(last, 2), MOST))
        numbers, total = matching.numbers, matching.total
        if total < 2:
            found = counted(total, "completed training run matches", "completed training runs match")
            raise NotFound(f"Only {found}; comparing takes two.", next='list_runs(kind="")')
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
        Request(
            task=best.task,
            metric=metric.name,
            best=competitor(best),
            others=[competitor(one) for one in rivals],
            caution=chosen.caution(),
        ),
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
    result = Result.model_validate(run.result)
    shown = result.tests()
    found = [*notes, *result.untested()]
    if any(pair.p is None for pair in shown):
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
