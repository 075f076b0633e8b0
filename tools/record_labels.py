"""The tool `record_labels`."""

from datetime import UTC, datetime

from pydantic import Field

from mlsteward.answer import RunFindings
from mlsteward.data.snapshot import Column
from mlsteward.errors import InvalidArgument
from mlsteward.labels.agreement import Agreement
from mlsteward.labels.reading import read_labels, type_of
from mlsteward.labels.resolve import Annotation, latest
from mlsteward.runs.jobs.label import Dispute, Request, Result
from mlsteward.runs.label_request import Labelled, find_labelled
from mlsteward.runs.new_version import VersionPlan, plan_version
from mlsteward.server.declare import Call, Tool
from mlsteward.store.labels import annotations_of
from mlsteward.store.runs import Run
from mlsteward.store.transaction import Transaction

_LONGEST_NAME = 80


class LabelsAnswer(RunFindings):
    dataset: str = Field(default="", description="The version that holds the labels.")
    column: str = ""
    recorded: int = 0
    labelled: int = Field(default=0, description="Rows that have a label now.")
    rows: int = 0
    agreement: list[Agreement] = Field(default_factory=list[Agreement])
    disputes: list[Dispute] = Field(default_factory=list[Dispute])
    disputed: int = 0
    notes: list[str] = Field(default_factory=list[str])


def record_labels(
    call: Call,
    dataset: str,
    labels: dict[str, str | float | bool],
    by: str,
    column: str = "",
    wait_seconds: float = 20,
) -> LabelsAnswer:
    """Record labels as a new version of a dataset: {row: label}, rows named as select_rows_to_label shows them.

    by is the person who labelled. Everybody's labels are kept; a row gets what most said, none on a tie. Who labelled
    the same rows gets Cohen's kappa. column is where they go, if not to the target.
    """
    by = _person(by)

    def read(t: Transaction) -> tuple[Labelled, list[Annotation], VersionPlan]:
        found = find_labelled(t, dataset, column)
        if not found.column:
            raise InvalidArgument(
                f"{found.version.name} has no target column in its dictionary: name in column where labels go."
            )
        plan = plan_version(
            t.whole,
            call.workspace.folder,
            found.version.name,
            description=found.version.description,
            sources=[f"dataset:{found.version.label}"],
            descriptions={name: entry.description for name, entry in found.entries.items() if entry.description},
            carried=found.carried(),
            snapshot_limit_mb=call.settings.snapshot_limit_mb,
        )
        return found, annotations_of(t, found.version.name, found.column), plan

    call.workspace.runs.take_in()
    found, before, plan = call.workspace.store.read(read)
    target = found.column_there or Column(name=found.column, type=type_of(labels))
    given = read_labels(labels, target.name, target.type)
    said = latest(before)
    new = {row: value for row, value in given.items() if by not in said.get(row, {}) or said[row][by].value != value}
    if not new:
        return LabelsAnswer(
            verdict=f"{by} has given these labels already; nothing new was recorded.",
            dataset=found.version.label,
            column=target.name,
        )
    entry = found.entries.get(target.name)
    request = Request(
        dataset=found.version.label,
        snapshot=found.version.snapshot,
        columns=found.version.columns,
        column=target,
        new_column=found.column_there is None,
        identity=found.identity,
        labels=new,
        by=by,
        at=datetime.now(UTC),
        before=before,
        allowed=entry.allowed_values if entry else [],
        secret=target.name in found.secret,
        masked=found.masked,
        plan=plan,
    )
    run = call.workspace.runs.start(
        "label",
        request,
        actor=call.actor,
        name=found.version.name,
        dataset=found.version.label,
        fingerprint=found.version.fingerprint,
        target=target.name,
        params={"column": target.name, "by": by, "labels": len(new)},
        reason=f"labels of `{target.name}` by {by}",
    )
    return _answer(call.wait(run, wait_seconds))


def _person(by: str) -> str:
    by = " ".join(by.split())
    if not by or len(by) > _LONGEST_NAME or "," in by or not by.isprintable():
        raise InvalidArgument(
            f"by names the person who labelled, in at most {_LONGEST_NAME} characters, without commas."
        )
    return by


def _answer(run: Run) -> LabelsAnswer:
    if run.state != "completed":
        return LabelsAnswer(
            verdict=f"{run.label} is still writing labels of {run.name}.",
            run=run.number,
            state=run.state,
            next=run.wait_on,
        )
    result = Result.model_validate(run.result)
    return LabelsAnswer(
        verdict=result.verdict,
        run=run.number,
        state=run.state,
        dataset=run.dataset,
        column=result.column,
        recorded=result.recorded,
        labelled=result.labelled,
        rows=result.rows,
        agreement=result.agreement,
        disputes=result.disputes,
        disputed=result.disputed,
        notes=result.notes,
        findings=result.findings(run),
        next=result.next,
    )


TOOL = Tool(record_labels, title="Record labels", toolset="labels", read_only=False)
