"""The page `mlsteward://labels/{dataset}`."""

from collections import Counter

from mlsteward.answer import markdown_table
from mlsteward.data.snapshot import Column
from mlsteward.labels.identity import Identity
from mlsteward.labels.reading import are_measurements
from mlsteward.labels.resolve import Annotation, Resolved, agreements, latest, resolve
from mlsteward.server.declare import Page
from mlsteward.store.datasets import dataset_names, find_dataset
from mlsteward.store.labels import annotations_of, label_columns
from mlsteward.store.transaction import Transaction
from mlsteward.workspace import Workspace

_MOST_DISPUTES = 200


def labels_page(workspace: Workspace, dataset: str) -> str:
    """Who labelled what in a dataset, how far people agree, and the rows on which they do not."""

    def read(t: Transaction) -> tuple[str, list[Column], dict[str, tuple[Identity, list[Annotation], str]]]:
        version = find_dataset(t, dataset)
        found = {
            column: (identity, annotations_of(t, version.name, column), t.masks.level(version.name, column))
            for column, identity in label_columns(t, version.name).items()
        }
        return version.name, version.columns, found

    workspace.runs.take_in()
    name, columns, found = workspace.store.read(read)
    types = {column.name: column.type for column in columns}
    lines = [f"# Labels of {name}", ""]
    if not found:
        lines.append("Nobody has labelled its rows yet.")
    for column, (identity, annotations, level) in found.items():
        lines += _column(column, types.get(column, ""), identity, annotations, level)
    return "\n".join(lines) + "\n"


def _column(column: str, type: str, identity: Identity, annotations: list[Annotation], level: str) -> list[str]:
    words = latest(annotations)
    numeric = are_measurements(type, {one.value for one in annotations})
    resolved = resolve(words, numeric=numeric)
    how = f"by `{identity.key}`" if identity.key else f"by a hash of {', '.join(f'`{one}`' for one in identity.hashed)}"
    counts = Counter(person for by in words.values() for person in by)
    last = {one.by: one.at for one in annotations}
    lines = [f"## {column}", "", f"Rows are named {how}.", ""]
    people = [(person, count, f"{last[person]:%Y-%m-%d %H:%M}") for person, count in counts.most_common()]
    lines += markdown_table(("who", "rows labelled", "last (UTC)"), people)
    shared = agreements(words, numeric=numeric)
    lines += ["", *(f"- {one.words}" for one in shared)] if shared else []
    disputes = [one for one in resolved if one.disputed]
    if disputes:
        more = f", {_MOST_DISPUTES} of them" if len(disputes) > _MOST_DISPUTES else ""
        lines += ["", f"### {len(disputes)} rows whose labels differ{more}", ""]
        lines += markdown_table(
            ("row", "who said what", "label"), [_dispute(one, level) for one in disputes[:_MOST_DISPUTES]]
        )
    return [*lines, ""]


def _dispute(one: Resolved, level: str) -> tuple[str, str, str]:
    if level:
        return one.row, ", ".join(one.said), f"masked ({level})"
    said = ", ".join(f"{person}: {value}" for person, value in one.said.items())
    return one.row, said, "none without a majority" if one.value is None else one.value


def _names(workspace: Workspace, prefix: str) -> list[str]:
    return workspace.store.read(lambda t: dataset_names(t, prefix))


PAGES = [
    Page("mlsteward://labels/{dataset}", labels_page, title="Labels of a dataset", complete={"dataset": _names}),
]
