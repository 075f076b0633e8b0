"""The asset that a caller means, and the versions of it that lineage knows."""

from dataclasses import dataclass

from mlsteward.errors import NotFound
from mlsteward.lineage.edge import SOURCE, column_asset, dataset_asset, model_asset
from mlsteward.names import Reference, close_names, parse_reference
from mlsteward.store.datasets import DatasetVersion, find_dataset, versions_of
from mlsteward.store.lineage import edges_from, edges_of_run, edges_to, models_of_runs
from mlsteward.store.models import find_model, model_names
from mlsteward.store.runs import get_run
from mlsteward.store.transaction import Transaction

# Of a dataset's versions, so many are looked at, newest first.
MOST_VERSIONS = 50


@dataclass(frozen=True)
class TracedAsset:
    """`name` is what was asked for; its lineage is followed up from `upward` and down from `downward`.

    Without a version a dataset or column comes from what its newest version came from, and leads to what any of its
    versions led to. `newest` is the newest version of the dataset.
    """

    name: str
    upward: list[str]
    downward: list[str]
    newest: DatasetVersion | None = None


def find_traced(transaction: Transaction, text: str) -> TracedAsset:
    """The asset that a text names: a reference, `flights`, `flights.dep_delay`, or a model's name. Raises NotFound."""
    text = text.strip()
    if text.startswith(SOURCE):
        return _recorded(transaction, text)
    reference = _reference(transaction, text)
    match reference.kind:
        case "dataset" | "column":
            return _of_dataset(transaction, reference)
        case "model":
            asset = model_asset(find_model(transaction, str(reference)).label)
            return TracedAsset(asset, [asset], [asset])
        case "run":
            return _of_run(transaction, int(reference.name))
        case _:
            return _recorded(transaction, str(reference))


def _reference(transaction: Transaction, text: str) -> Reference:
    if ":" in text:
        return parse_reference(text)
    name, _, column = text.partition(".")
    if column:
        return parse_reference(f"column:{name}.{column}")
    known = versions_of(transaction, name.partition("@")[0])
    is_model = not known and name.partition("@")[0] in model_names(transaction)
    return parse_reference(text, default="model" if is_model else "dataset")


def _of_dataset(transaction: Transaction, reference: Reference) -> TracedAsset:
    text = f"{reference.name}@{reference.version}" if reference.version else reference.name
    version = find_dataset(transaction, text, rows=False)
    every = [version] if reference.version else versions_of(transaction, version.name)[:MOST_VERSIONS]
    if reference.kind == "dataset":
        labels = [dataset_asset(one.label) for one in every]
        name = labels[0] if reference.version else f"dataset:{version.name}"
        return TracedAsset(name, [dataset_asset(version.label)], labels, version)
    wanted = reference.column.casefold()
    spelled = [
        column_asset(one.label, column.name)
        for one in every
        for column in one.columns
        if column.name.casefold() == wanted
    ]
    if not spelled:
        names = [column.name for column in version.columns]
        raise NotFound(
            f"{version.label} has no column {reference.column!r}.",
            close=[f"{version.name}.{close}" for close in close_names(reference.column, names)],
            next=f'lookup_data_dictionary(dataset="{version.name}")',
        )
    column = spelled[0].partition(".")[2]
    return TracedAsset(
        spelled[0] if reference.version else f"column:{version.name}.{column}", spelled[:1], spelled, version
    )


def _of_run(transaction: Transaction, number: int) -> TracedAsset:
    """What a run read and what it left: a model, a version, or a judgement that is the run itself."""
    run = f"run:{get_run(transaction, number).number}"
    edges = [edge for edge in edges_of_run(transaction, number) if edge.kind != "column"]
    made = [edge.target for edge in edges if not edge.target.startswith("column:")]
    model = model_asset(models_of_runs(transaction, [number])[0])
    if model != run:
        made.append(model)
    left = list(dict.fromkeys(made)) or [run]
    return TracedAsset(run, left, left)


def _recorded(transaction: Transaction, asset: str) -> TracedAsset:
    """An asset of a kind that is known by its edges alone."""
    if not edges_from(transaction, [asset]) and not edges_to(transaction, [asset]):
        kind = asset.partition(":")[0]
        rows = transaction.rows(
            "SELECT DISTINCT asset FROM (SELECT source AS asset FROM lineage UNION SELECT target FROM lineage)"
            " WHERE starts_with(asset, ?) LIMIT 1000",
            [f"{kind}:"],
        )
        raise NotFound(
            f"Nothing is recorded of {asset}.",
            close=close_names(asset, [name for (name,) in rows]),
            next="list_datasets()",
        )
    return TracedAsset(asset, [asset], [asset])
