"""Schema skew: whether a dataset still has the columns that a model was trained on."""

from mlsteward.data.profile import type_family
from mlsteward.errors import UnusableData, naming
from mlsteward.evaluation.table_fit import check_table
from mlsteward.store.datasets import DatasetVersion, find_dataset
from mlsteward.store.models import Model, find_model
from mlsteward.store.transaction import Transaction


def schema_words(t: Transaction, model: str, dataset: str) -> str:
    """That the schema fits, with columns that are new.

    Raises InvalidArgument where columns are missing or of another type, UnusableData where the target is of another.
    """
    found, version = find_model(t, model), find_dataset(t, dataset)
    with naming(dataset=version.label):
        check_table(found.signature, version.columns, dataset=version.label, target=found.target)
    trained = find_dataset(t, found.dataset, rows=False)
    _check_target(found, trained, version)
    before = {column.name for column in trained.columns}
    new = [column.name for column in version.columns if column.name not in before]
    more = f"; new and not used: {', '.join(new[:8])}{', …' if len(new) > 8 else ''}" if new else ""
    return f"{version.label} has the columns that {found.label} was trained on{more}."


def _check_target(model: Model, trained: DatasetVersion, version: DatasetVersion) -> None:
    types = [one.type for each in (trained, version) for one in each.columns if one.name == model.target]
    if len({type_family(one) for one in types}) > 1:
        raise UnusableData(
            f"The target `{model.target}` was {types[0]} in {trained.label} and is {types[1]} in {version.label}.",
            next=f'compare_datasets(reference="{trained.label}", current="{version.label}")',
        )
