"""Every label that people gave, and how the rows of their dataset are named."""

import json
from collections.abc import Sequence

from mlsteward.labels.identity import Identity
from mlsteward.labels.resolve import Annotation
from mlsteward.store.transaction import Transaction


def label_columns(t: Transaction, dataset: str) -> dict[str, Identity]:
    """The columns of a dataset that people labelled, with how its rows are named for them."""
    rows = t.rows("SELECT column_name, identity FROM label_columns WHERE dataset = ? ORDER BY column_name", [dataset])
    return {column: Identity.model_validate(json.loads(identity)) for column, identity in rows}


def annotations_of(t: Transaction, dataset: str, column: str) -> list[Annotation]:
    """All that was said of a column, oldest first."""
    rows = t.rows(
        "SELECT row_name, value, annotator, created FROM labels WHERE dataset = ? AND column_name = ? ORDER BY rowid",
        [dataset, column],
    )
    return [Annotation(row=row, value=value, by=by, at=at) for row, value, by, at in rows]


def add_annotations(
    t: Transaction,
    dataset: str,
    column: str,
    identity: Identity,
    annotations: Sequence[Annotation],
    *,
    actor: str,
    run: int,
) -> None:
    """Keep what somebody said."""
    if column not in label_columns(t, dataset):
        t.insert("label_columns", [{"dataset": dataset, "column_name": column, "identity": identity.model_dump()}])
    t.insert(
        "labels",
        [
            {
                "dataset": dataset,
                "column_name": column,
                "row_name": one.row,
                "value": one.value,
                "annotator": one.by,
                "actor": actor,
                "created": one.at,
                "run": run,
            }
            for one in annotations
        ],
    )
