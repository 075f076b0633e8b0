"""From what was asked of `explain_model` to the work order of its worker."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from mlsteward.errors import InvalidArgument
from mlsteward.evaluation.explanation import ColumnWords
from mlsteward.evaluation.table_fit import check_table
from mlsteward.names import close_names
from mlsteward.runs.jobs.explain import Request, TableFile
from mlsteward.runs.judged_model import JudgedModel, judged_model
from mlsteward.runs.model_use import check_model_use
from mlsteward.serving.rows import check_rows
from mlsteward.store.datasets import DatasetVersion, find_dataset
from mlsteward.store.dictionary import column_entries
from mlsteward.store.models import find_model
from mlsteward.store.runs import get_run
from mlsteward.store.transaction import Transaction
from mlsteward.training.signature import ImportanceRow

MOST_ROWS = 20
MOST_COLUMNS = 3


@dataclass(frozen=True)
class Asked:
    """The arguments of the tool."""

    model: str
    dataset: str = ""
    rows: Sequence[dict[str, Any] | int] = field(default_factory=list[dict[str, Any] | int])
    columns: Sequence[str] = ()
    groups: Sequence[str] = ()

    @property
    def nothing_more(self) -> bool:
        """Whether it is only asked what the model leans on."""
        return not (self.rows or self.columns or self.groups)


def explain_request(transaction: Transaction, asked: Asked) -> Request:
    """The work order.

    Raises NotFound for unknown names, InvalidArgument where dataset or rows do not fit the model, and Refused where one
    of them is not for the caller.
    """
    masks = transaction.masks
    # What is masked is refused below, so what is left may be read as it is.
    transaction = transaction.whole
    found = find_model(transaction, asked.model)
    model = judged_model(transaction, found)
    written = [row for row in asked.rows if isinstance(row, dict)]
    numbers = [row for row in asked.rows if not isinstance(row, dict)]
    if len(asked.rows) > MOST_ROWS:
        raise InvalidArgument(f"{len(asked.rows)} rows are more than the {MOST_ROWS} that one call explains.")
    checked = check_rows(written, model.signature)
    background = find_dataset(transaction, model.dataset)
    table = find_dataset(transaction, asked.dataset) if asked.dataset else None
    if table:
        target = model.target if asked.groups else ""
        check_table(model.signature, table.columns, dataset=table.label, target=target)
    _check_columns(asked.columns, model)
    _check_groups(asked.groups, model, table or background)
    stored_only = asked.nothing_more and not asked.dataset
    check_model_use(masks, found, asked.groups, features=not stored_only, also=[table.label] if table else [])
    entries = column_entries(transaction, (table or background).name) or column_entries(transaction, background.name)
    stored = get_run(transaction, found.run).result.get("importance", [])
    asks_for = {column.name for column in model.signature}
    return Request(
        model=model,
        background=_file(background),
        table=_file(table) if table else None,
        rows=checked.rows,
        numbers=numbers,
        importance=[ImportanceRow.model_validate(line) for line in stored],
        curves=list(dict.fromkeys(asked.columns)),
        groups=list(dict.fromkeys(asked.groups)),
        measure=table is not None and model.target in [column.name for column in table.columns] and asked.nothing_more,
        words={
            one.column: ColumnWords(business_name=one.business_name, unit=one.unit)
            for one in entries
            if one.column in asks_for
        },
        notes=checked.notes,
        masked=masks.within([background.label, *([table.label] if table else [])]),
    )


def _check_columns(columns: Sequence[str], model: JudgedModel) -> None:
    """Raise InvalidArgument unless a prediction can be followed along each of `columns`."""
    if len(columns) > MOST_COLUMNS:
        raise InvalidArgument(f"{len(columns)} columns are more than the {MOST_COLUMNS} that one call follows.")
    kinds = {column.name: column.kind for column in model.signature}
    for name in columns:
        if name not in kinds:
            raise InvalidArgument(
                f"{model.label} does not use a column `{name}`, so its prediction does not move with it.",
                close=close_names(name, kinds),
                next=f'explain_model(model="{model.label}")',
            )
        if kinds[name] == "text":
            raise InvalidArgument(f"`{name}` is free text, which has no values to follow a prediction along.")


def _check_groups(groups: Sequence[str], model: JudgedModel, table: DatasetVersion) -> None:
    """Raise InvalidArgument unless the rows of `table` can be grouped by each of `groups`."""
    if len(groups) > MOST_COLUMNS:
        raise InvalidArgument(f"{len(groups)} columns of groups are more than the {MOST_COLUMNS} that one call takes.")
    known = [column.name for column in table.columns]
    for name in groups:
        if name == model.target:
            raise InvalidArgument(f"`{name}` is the target: its measures by group would compare it with itself.")
        if name not in known:
            raise InvalidArgument(
                f"{table.label} has no column `{name}`.",
                close=close_names(name, known),
                next=f'profile_dataset(dataset="{table.label}")',
            )


def _file(version: DatasetVersion) -> TableFile:
    return TableFile(
        label=version.label,
        snapshot=version.snapshot,
        source_hash=version.source_hash,
        reference=version.reference,
        fingerprint=version.fingerprint,
        columns=version.columns,
    )
