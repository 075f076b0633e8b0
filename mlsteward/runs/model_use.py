"""Who may use a model: its predictions tell of what it was trained on."""

from collections.abc import Iterable

from mlsteward.dictionary.sensitivity import higher
from mlsteward.errors import Refused
from mlsteward.store.masking import Masks, check_open, inherited
from mlsteward.store.models import Model
from mlsteward.store.transaction import Transaction


def check_model_use(
    masks: Masks, model: Model, needed: Iterable[str] = (), *, features: bool = True, also: Iterable[str] = ()
) -> None:
    """Raise Refused where the model's target is masked, or with `features` one of the columns it reads.

    `also` are the datasets whose rows it would read, `needed` the columns of theirs that statements before the model
    read. It holds for rows that a caller wrote down too: what a model makes of a value tells whether it knows it.
    """
    before = list(needed)
    datasets = list(dict.fromkeys([model.dataset, *also]))
    used = [column.name for column in model.signature] if features else []
    split = str(model.split.get("column") or "") if features else ""
    try:
        for dataset in datasets:
            check_open(masks, dataset, [model.target, *used, *before, split])
    except Refused as error:
        raise Refused(f"{model.label} cannot be used here: {error.message}") from error


def level_of_predictions(transaction: Transaction, model: Model) -> str:
    """How sensitive predictions are: as the most sensitive of the target and the columns that they are made from."""
    levels = inherited(transaction, model.dataset)
    level = ""
    for name in [model.target, *(column.name for column in model.signature)]:
        level = higher(level, levels.get(name, ""))
    return level
