"""The tool `select_rows_to_label`."""

from pydantic import Field

from mlsteward.answer import RunFindings
from mlsteward.errors import InvalidArgument
from mlsteward.evaluation.table_fit import check_table
from mlsteward.labels.companions import is_companion
from mlsteward.labels.strategy import Strategy
from mlsteward.runs.jobs.select import FILE, Request, Result, SelectedRow
from mlsteward.runs.label_request import Labelled, find_labelled
from mlsteward.server.declare import Call, Tool
from mlsteward.store.models import Model, find_model
from mlsteward.store.runs import Run
from mlsteward.store.transaction import Transaction
from mlsteward.training.signature import ColumnHint

MOST = 1000
_SHOWN_COLUMNS = 8
_SHOWN_ROWS = 50
ROOM = 7800


class SelectionAnswer(RunFindings):
    strategy: str = ""
    column: str = Field(default="", description="Where the labels go.")
    unlabelled: int = Field(default=0, description="Rows without a label, those alike counted once.")
    selected: list[SelectedRow] = Field(default_factory=list[SelectedRow])
    left_out: int = Field(default=0, description="Chosen rows that are on the page only.")
    page: str = Field(default="", description="All chosen rows as CSV.")
    notes: list[str] = Field(default_factory=list[str])


def select_rows_to_label(
    call: Call,
    dataset: str,
    model: str = "",
    n: int = 20,
    strategy: Strategy = "auto",
    column: str = "",
    wait_seconds: float = 20,
) -> SelectionAnswer:
    """Choose the unlabelled rows of a dataset from whose labels a model will learn most.

    With a model auto is diverse: rows it is unsure of, unlike one another; without, coverage: typical of parts without
    labels. Rows whose column (else the model's or dictionary's target) has a value are left out.
    """
    if not 1 <= n <= MOST:
        raise InvalidArgument(f"n={n} is not between 1 and {MOST}.")
    if not model and strategy in ("diverse", "uncertainty"):
        raise InvalidArgument(f"strategy={strategy!r} needs a model.", next="list_models()")

    def read(t: Transaction) -> tuple[Labelled, Model | None]:
        fitted = find_model(t, model) if model else None
        return find_labelled(t, dataset, column or (fitted.target if fitted else "")), fitted

    call.workspace.runs.take_in()
    found, fitted = call.workspace.store.read(read)
    if fitted:
        check_table(fitted.signature, found.version.columns, dataset=found.version.label)
    request = _request(found, fitted, n, strategy)
    run = call.workspace.runs.start(
        "select",
        request,
        actor=call.actor,
        name=found.version.name,
        dataset=found.version.label,
        fingerprint=found.version.fingerprint,
        target=found.column,
        params={"n": n, "strategy": strategy} | ({"model": fitted.label} if fitted else {}),
    )
    return _answer(call.wait(run, wait_seconds))


def _request(found: Labelled, fitted: Model | None, n: int, strategy: Strategy) -> Request:
    version = found.version
    names = [one.name for one in version.columns]
    hidden = found.secret | {name.partition(".")[2] for name in found.masked}
    open_columns = [
        name
        for name in names
        if name.casefold() not in {one.casefold() for one in hidden}
        and name != found.column
        and not is_companion(name, names)
    ]
    own = [one.name for one in fitted.signature] if fitted else []
    used = {f"{version.name}.{name}".casefold() for name in own}
    # Long texts say most of a row, then what the model looks at.
    order = sorted(
        open_columns, key=lambda name: (found.role(name) != "text", bool(own) and name not in own, names.index(name))
    )
    return Request(
        dataset=version.label,
        snapshot=version.snapshot,
        columns=version.columns,
        column=found.column,
        labelled=found.column_there is not None,
        identity=found.identity,
        features=[name for name in open_columns if name != found.identity.key],
        hints={name: ColumnHint(role=found.role(name), available_at=found.available_at(name)) for name in names},
        shown=[name for name in order if name != found.identity.key][:_SHOWN_COLUMNS],
        n=n,
        strategy=strategy,
        model=fitted.path if fitted else "",
        sha256=fitted.sha256 if fitted else "",
        model_label=fitted.label if fitted else "",
        masked=[name for name in found.masked if name.casefold() not in used],
    )


def _answer(run: Run) -> SelectionAnswer:
    if run.state != "completed":
        return SelectionAnswer(
            verdict=f"{run.label} is still comparing rows of {run.dataset}.",
            run=run.number,
            state=run.state,
            next=run.wait_on,
        )
    whole = Result.model_validate(run.result)
    shown = min(len(whole.selected), _SHOWN_ROWS)
    while True:
        result = whole.first(shown)
        answer = SelectionAnswer(
            verdict=result.verdict,
            run=run.number,
            state=run.state,
            strategy=result.strategy,
            column=result.column,
            unlabelled=result.unlabelled,
            selected=result.selected,
            left_out=len(whole.selected) - shown,
            page=f"mlsteward://runs/{run.number}/artifacts/{FILE}",
            notes=result.notes,
            findings=result.findings(run),
            next=result.next,
        )
        if shown <= 1 or answer.fits(ROOM):
            return answer
        shown = shown * 4 // 5


TOOL = Tool(select_rows_to_label, title="Choose rows to label", toolset="labels", read_only=True)
