"""Rows as a source of a model's transforms has them: which statements they go through before they are scored."""

from collections.abc import Collection, Iterator, Sequence

from mlsteward.data.profile import type_family
from mlsteward.data.snapshot import Column
from mlsteward.errors import InvalidArgument
from mlsteward.lineage.edge import column_asset, dataset_asset, table_of
from mlsteward.lineage.steps import TransformStep
from mlsteward.names import close_names, parse_reference
from mlsteward.record import Record
from mlsteward.store.datasets import DatasetVersion, find_dataset
from mlsteward.store.lineage import edges_from, edges_to, upstream_of
from mlsteward.store.models import Model
from mlsteward.store.transaction import Transaction
from mlsteward.training.signature import ColumnKind, SignatureColumn

# Columns that decide which rows there are by these are not needed of rows that are there.
_CHOOSING = frozenset({"FILTER", "SORT"})
_SHOWN = 5
_KINDS: dict[str, ColumnKind] = {"number": "number", "boolean": "boolean", "time": "time"}


class AppliedStep(Record):
    """A statement that rows go through. They stand for its source `rows_as`, of which they lack `missing`; `files` has
    the snapshots of all its sources by label, and `columns` what it makes."""

    step: TransformStep
    rows_as: str
    files: dict[str, str]
    columns: list[Column]
    missing: list[str] = []


class RowSource(Record):
    """The version that rows look like, the columns of it that predictions need, those that rows lack, and the steps
    from there to the model, the first to be applied first."""

    label: str
    columns: list[Column]
    needed: list[str]
    missing: list[str] = []
    steps: list[AppliedStep]

    def signature(self) -> list[SignatureColumn]:
        """What rows must have, as rows of a call are checked."""
        return [
            SignatureColumn(name=column.name, type=column.type, kind=_KINDS.get(type_family(column.type), "text"))
            for column in self.columns
            if column.name not in self.missing
        ]

    def words(self) -> str:
        made = ", then ".join(one.step.dataset for one in self.steps)
        return f"rows are taken as rows of {self.label}, and the statement of {made} was applied"


def find_row_source(
    transaction: Transaction, model: Model, given: Collection[str], version: DatasetVersion | None = None
) -> RowSource | None:
    """The source of the model's transforms whose columns are among `given`, those of `version` where it has the rows.

    None where no source fits, or the model can take the rows as they are: all its columns are there, and they are not
    a version of a source, in which a column of the same name may hold something else. A source of the same dataset
    comes first, then the one with most columns. Raises InvalidArgument for rows that are nearly those of a source.
    """
    names = {name.casefold() for name in given}
    needs = [column.name for column in model.signature]
    if not model.transforms:
        return None
    if not _lacking(needs, names) and not (version and _is_source(transaction, model, version)):
        return None
    sources = list(_sources(transaction, model, model.dataset, needs))
    found = [one for one in sources if not _lacking(one.needed, names)]
    name = version.name if version else ""
    found.sort(key=lambda one: (one.label.partition("@")[0] == name, len(one.needed)), reverse=True)
    if not found:
        _check_like(model, sources, names)
        return None
    missing = [column.name for column in found[0].columns if column.name.casefold() not in names]
    return found[0].model_copy(update={"missing": missing, "steps": _with_missing(transaction, found[0], missing)})


def remade_columns(transaction: Transaction, model: Model) -> list[str]:
    """The features that a source has under the same name, but otherwise: the last statement made them anew."""
    step = next((one for one in model.transforms if one.dataset == model.dataset), None)
    if step is None:
        return []
    sources = [find_dataset(transaction, label, rows=False) for label in step.sources]
    there = {column.name.casefold() for source in sources for column in source.columns}
    made = {column_asset(model.dataset, column.name): column.name for column in model.signature}
    origins: dict[str, set[tuple[str, str]]] = {}
    for edge in edges_to(transaction, list(made)):
        if edge.kind == "column" and edge.detail.get("type") == "DIRECT":
            column = parse_reference(edge.source).column.casefold()
            origins.setdefault(made[edge.target], set()).add((column, edge.detail.get("subtype", "")))
    return [
        name for name, found in origins.items() if name.casefold() in there and found != {(name.casefold(), "IDENTITY")}
    ]


def _is_source(transaction: Transaction, model: Model, version: DatasetVersion) -> bool:
    """Whether a version that has all columns of the model is still one of a source, and what it calls so is not it."""
    last = next((step for step in model.transforms if step.dataset == model.dataset), None)
    if last is None or version.name not in [label.partition("@")[0] for label in last.sources]:
        return False
    own = dataset_asset(version.label)
    # A dataset may be made from older versions of itself.
    if version.sql == last.sql or dataset_asset(model.dataset) in [own, *upstream_of(transaction, own)]:
        return False
    return bool(remade_columns(transaction, model))


def _with_missing(transaction: Transaction, source: RowSource, missing: Sequence[str]) -> list[AppliedStep]:
    """The steps, each with the columns that its rows lack: those that were made of missing ones lack too."""
    steps: list[AppliedStep] = []
    for applied in source.steps:
        steps.append(applied.model_copy(update={"missing": list(missing)}))
        made = dataset_asset(applied.step.dataset)
        edges = edges_from(transaction, [column_asset(applied.rows_as, name) for name in missing])
        gone = [edge.target for edge in edges if edge.detail.get("type") == "DIRECT" and edge.target != made]
        missing = [parse_reference(target).column for target in gone if table_of(target) == made]
    return steps


def _check_like(model: Model, sources: Sequence[RowSource], names: Collection[str]) -> None:
    """Raise InvalidArgument where rows are more like a source than like the training data, and lack columns."""
    own = _lacking([column.name for column in model.signature], names)
    best = min(sources, key=lambda one: len(_lacking(one.needed, names)) / len(one.needed), default=None)
    if best is None or len(_lacking(best.needed, names)) / len(best.needed) >= len(own) / len(model.signature):
        return
    lacking = _lacking(best.needed, names)
    raise InvalidArgument(
        f"The rows are like rows of {best.label}, from which {model.dataset} was made, but lack {_listed(lacking)},"
        f" which {model.label} needs. (Of {model.dataset} itself they lack {_listed(own)}.)",
        close=[match for name in lacking[:3] for match in close_names(name, names, limit=1)],
        next=f'lookup_data_dictionary(dataset="{best.label.partition("@")[0]}")',
    )


def _lacking(wanted: Sequence[str], names: Collection[str]) -> list[str]:
    return [name for name in wanted if name.casefold() not in names]


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(f"`{name}`" for name in names[:_SHOWN]) + more


def _sources(transaction: Transaction, model: Model, made: str, needs: Sequence[str]) -> Iterator[RowSource]:
    """Each version that `made` comes from, with what its rows need so that `needs` can be made of them."""
    step = next((one for one in model.transforms if one.dataset == made), None)
    if step is None:
        return
    versions = {label: find_dataset(transaction, label, rows=False) for label in [*step.sources, made]}
    files = {label: versions[label].snapshot for label in step.sources}
    for label in step.sources:
        needed = _needed(transaction, step, versions[label], needs)
        applied = AppliedStep(step=step, rows_as=label, files=files, columns=versions[made].columns)
        if needed:
            yield RowSource(label=label, columns=versions[label].columns, needed=needed, steps=[applied])
            for farther in _sources(transaction, model, label, needed):
                yield farther.model_copy(update={"steps": [*farther.steps, applied]})


def _needed(transaction: Transaction, step: TransformStep, source: DatasetVersion, needs: Sequence[str]) -> list[str]:
    """The columns of a source that the columns `needs` of the result are made of, or are joined by; [] where none of
    its values goes into them. Where columns were not followed, all of them."""
    made = dataset_asset(step.dataset)
    edges = edges_to(transaction, [made, *(column_asset(step.dataset, name) for name in needs)])
    if any(edge.hides_columns for edge in edges):
        return [column.name for column in source.columns]
    table = dataset_asset(source.label)
    own = [edge for edge in edges if edge.kind == "column" and table_of(edge.source) == table]
    if not any(edge.detail.get("type") == "DIRECT" for edge in own):
        return []
    used = [edge for edge in own if edge.target != made or edge.detail.get("subtype") not in _CHOOSING]
    return list(dict.fromkeys(parse_reference(edge.source).column for edge in used))
