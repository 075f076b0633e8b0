"""Runs in rows, for answers."""

from collections.abc import Sequence

from pydantic import Field as Described

from mlsteward.answer import cell, interval, number, table
from mlsteward.record import Record
from mlsteward.store.fields import Field, read_field
from mlsteward.store.run_lines import RunLine, common_metrics
from mlsteward.store.run_query import Found, RunQuery

# With more rows fewer metrics that nobody asked for are shown.
_FEW_ROWS = 10
_NAME = 63


class RunRow(Record):
    run: int
    kind: str | None = None
    name: str | None = None
    status: str
    dataset: str | None = None
    target: str | None = None
    created: str
    metrics: dict[str, float | None]
    interval: tuple[float, float] | None = Described(default=None, description="95 %, of the metric sorted by.")
    fields: dict[str, str] | None = Described(default=None, description="Params and tags that were asked for.")


def run_rows(lines: Sequence[RunLine], query: RunQuery) -> list[RunRow]:
    """Rows with the metrics that the query mentions and those most runs have."""
    mentioned = query.fields()
    common = [read_field(field.shown) for field in [*_metrics(mentioned), *common_metrics(lines)]]
    most = max(6 if len(lines) <= _FEW_ROWS else 4, len(_metrics(mentioned)))
    metrics = list({field.shown: field for field in common}.values())[:most]
    others = [field for field in mentioned if field.kind in ("param", "tag")]
    return [_row(line, metrics, others, sorted_by(query), with_kind=not query.kind) for line in lines]


def rows_as_text(rows: Sequence[RunRow]) -> list[str]:
    """A table; what is the same in all rows stands once above it."""
    if not rows:
        return []
    attributes = {
        name: [getattr(row, name) for row in rows]
        for name in ("kind", "name", "status", "dataset", "target", "created")
    }
    columns = [name for name, values in attributes.items() if len(rows) == 1 or len(set(values)) > 1]
    columns = [name for name in columns if any(attributes[name])]
    shared = [f"{name} {cell(values[0])}" for name, values in attributes.items() if name not in columns and values[0]]
    fields = list(dict.fromkeys(name for row in rows for name in row.fields or {}))
    metrics = list(dict.fromkeys(name for row in rows for name in row.metrics))
    body = [
        [
            row.run,
            *(getattr(row, name) for name in columns),
            *((row.fields or {}).get(name) for name in fields),
            *(_metric_text(row, name, first=name == metrics[0]) for name in metrics),
        ]
        for row in rows
    ]
    above = [f"all: {', '.join(shared)}"] if shared and len(rows) > 1 else []
    return [*above, *table(["run", *columns, *fields, *metrics], body)]


def sorted_by(query: RunQuery) -> Field | None:
    """The metric the query sorts by, None when it sorts by something else."""
    order = query.order()
    return order[0] if order and order[0].kind == "metric" else None


def list_verdict(query: RunQuery, found: Found, lines: Sequence[RunLine]) -> str:
    """What was found, in a sentence."""
    what = f"{query.kind} runs" if query.kind else "runs"
    there = found.counts.of(query.kind)
    if not there:
        others = ", ".join(f"{count} {kind}" for kind, count in found.counts.kinds.items())
        return f"There are no {what} yet" + (f"; of other kinds: {others}." if others else ".")
    if not found.total:
        return f"None of the {there} {what} matches."
    counted = f"{found.total} of {there} {what} match" if query.restricts else f"{there} {what}"
    metric = sorted_by(query)
    best = lines[0].metric(metric) if lines and metric else None
    if metric and best and best.value is not None:
        return f"{counted}; first by {metric.shown}: run:{lines[0].number} with {number(best.value)}."
    return f"{counted}; {len(lines)} shown, {'by ' + query.order_by if query.order_by else 'newest first'}."


def _metrics(fields: Sequence[Field]) -> list[Field]:
    return [field for field in fields if field.kind == "metric"]


def _row(line: RunLine, metrics: list[Field], others: list[Field], order: Field | None, *, with_kind: bool) -> RunRow:
    best = line.metric(order) if order else None
    bounds = (short(best.low), short(best.high)) if best else (None, None)
    return RunRow(
        run=line.number,
        kind=line.kind if with_kind else None,
        name=line.name[:_NAME] or None,
        status=line.state,
        dataset=line.dataset or None,
        target=line.target[:_NAME] or None,
        created=f"{line.created:%Y-%m-%d %H:%M}",
        metrics={field.shown: short(line.value(field)) for field in metrics if line.metric(field)},
        interval=(bounds[0], bounds[1]) if bounds[0] is not None and bounds[1] is not None else None,
        fields={field.shown: cell(line.value(field)) for field in others} or None,
    )


def _metric_text(row: RunRow, name: str, *, first: bool) -> str:
    value = row.metrics.get(name)
    return interval(value, *row.interval) if first and row.interval else number(value)


def short(value: float | None) -> float | None:
    """Six significant digits: more than anyone reads, and short in JSON."""
    return None if value is None else float(f"{value:.6g}")
