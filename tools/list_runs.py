"""The tool `list_runs`."""

from pydantic import Field

from mlsteward.answer import Answer
from mlsteward.errors import InvalidArgument
from mlsteward.runs.listing import RunRow, list_verdict, rows_as_text, run_rows, sorted_by
from mlsteward.server.declare import Call, Tool
from mlsteward.store.run_lines import RunLine, run_lines
from mlsteward.store.run_query import Found, RunQuery, find_runs
from mlsteward.store.runs import STATES
from mlsteward.store.transaction import Transaction

MOST = 100


class RunsAnswer(Answer):
    total: int
    runs: list[RunRow] = Field(default_factory=list[RunRow])
    cursor: str | None = None

    def body(self) -> list[str]:
        more = f'more: the same call with cursor="{self.cursor}"' if self.cursor else ""
        return [*rows_as_text(self.runs), more]


def list_runs(
    call: Call,
    where: str = "",
    order_by: str = "",
    kind: str = "train",
    status: str = "",
    name: str = "",
    limit: int = 20,
    cursor: str = "",
) -> RunsAnswer:
    """List runs with their metrics, newest first, or best first by a metric: `order_by="roc_auc"`.

    where filters on metrics, params, tags and fields: `roc_auc > 0.9 and params.estimator = 'svm'`,
    `validation.log_loss < 0.3 or tags.owner in ('ann', 'bo')`, `dataset = 'flights' and created > '2026-03-01'`; also
    not, like, parentheses. A bare metric is that of the test rows. kind="" lists all kinds of runs.
    """
    if status and status not in STATES:
        raise InvalidArgument(f"A run is never {status!r}; status is one of {', '.join(STATES)}.")
    query = RunQuery(where=where, order_by=order_by, kind=kind, state=status, name=name)
    offset, newest = _read_cursor(cursor)

    def read(t: Transaction) -> tuple[Found, list[RunLine]]:
        found = find_runs(t, query, limit=min(max(limit, 1), MOST), offset=offset, newest=newest)
        return found, run_lines(t, found.numbers)

    found, lines = call.workspace.store.read(read)
    if found.counts.active:
        call.workspace.runs.take_in()
        found, lines = call.workspace.store.read(read)
    while True:
        end = offset + len(lines)
        answer = RunsAnswer(
            verdict=list_verdict(query, found, lines),
            total=found.total,
            runs=run_rows(lines, query),
            cursor=f"{end}.{found.newest}" if end < found.total else None,
            next=_next(query, lines, any_runs=bool(found.counts.newest)),
        )
        if len(lines) < 2 or answer.fits():
            return answer
        lines = lines[: len(lines) * 9 // 10]


def _next(query: RunQuery, lines: list[RunLine], *, any_runs: bool) -> str:
    if lines and query.kind == "train" and len(lines) > 1:
        metric = sorted_by(query)
        named = f', metric="{metric.shown}"' if metric else ""
        return f"compare_runs(runs={[line.number for line in lines[:5]]}{named})"
    if lines:
        return f"get_run(run={lines[0].number})"
    if query.restricts:
        return f'list_runs(kind="{query.kind}")'
    return 'list_runs(kind="")' if any_runs else "list_datasets()"


def _read_cursor(cursor: str) -> tuple[int, int]:
    offset, _, newest = (cursor or "0.0").partition(".")
    if not (offset.isdigit() and newest.isdigit()):
        raise InvalidArgument(f"cursor={cursor!r} is none that list_runs gave.", next="list_runs()")
    return int(offset), int(newest)


TOOL = Tool(list_runs, title="List runs", toolset="training", read_only=True, idempotent=True)
