"""What lists show of a run: a line without its result, log and environment."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mlsteward.store.fields import Field
from mlsteward.store.masked_sql import seen_runs
from mlsteward.store.metrics import MetricRow, latest_of
from mlsteward.store.transaction import Transaction, listed


@dataclass(frozen=True)
class RunLine:
    """One run in a list."""

    number: int
    kind: str
    name: str
    state: str
    dataset: str
    target: str
    created: datetime
    params: dict[str, Any]
    tags: dict[str, str]
    metrics: dict[tuple[str, str], MetricRow] = field(default_factory=dict[tuple[str, str], MetricRow])

    @property
    def label(self) -> str:
        return f"run:{self.number}"

    def metric(self, wanted: Field) -> MetricRow | None:
        return self.metrics.get((wanted.split, wanted.name))

    def value(self, wanted: Field) -> Any:
        """A metric, parameter or tag of the run, None when it has none."""
        if wanted.kind == "metric":
            row = self.metric(wanted)
            return row.value if row else None
        members: Any = self.params if wanted.kind == "param" else self.tags
        if wanted.name in members:
            return members[wanted.name]
        for part in wanted.name.split("."):
            if not isinstance(members, dict) or part not in members:
                return None
            members = members[part]
        return members


def run_lines(t: Transaction, numbers: list[int]) -> list[RunLine]:
    """The runs of those numbers, in that order, with their latest metrics."""
    rows = t.rows(
        f"SELECT number, kind, name, state, dataset, target, created, params, tags FROM {seen_runs(t.masks)}"
        f" WHERE number IN {listed(numbers)}"
    )
    lines = {row[0]: RunLine(*row[:7], params=json.loads(row[7]), tags=json.loads(row[8])) for row in rows}
    for metric in latest_of(t, numbers):
        lines[metric.run].metrics[metric.split, metric.name] = metric
    return [lines[number] for number in numbers if number in lines]


def common_metrics(lines: Sequence[RunLine]) -> list[Field]:
    """The metrics the lines have, those of most runs first, the test split before others."""
    counts: dict[tuple[str, str], int] = {}
    for line in lines:
        for key in line.metrics:
            counts[key] = counts.get(key, 0) + 1
    ordered = sorted(counts, key=lambda key: (key[0] != "test", -counts[key]))
    return [Field("", "metric", name, split) for split, name in ordered]
