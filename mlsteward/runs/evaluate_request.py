"""From what was asked of `evaluate_model` to the work order of its worker."""

from dataclasses import dataclass, field

from mlsteward.answer import number
from mlsteward.errors import InvalidArgument
from mlsteward.evaluation.table_fit import check_table
from mlsteward.runs.jobs.evaluate import Request
from mlsteward.runs.judged_model import JudgedModel, judged_model
from mlsteward.runs.model_use import check_model_use
from mlsteward.store.datasets import find_dataset
from mlsteward.store.masking import check_open
from mlsteward.store.models import find_model
from mlsteward.store.runs import get_run
from mlsteward.store.transaction import Transaction
from mlsteward.training.options import find_name


@dataclass(frozen=True)
class Asked:
    """The arguments of the tool."""

    model: str
    dataset: str
    slices: list[str] = field(default_factory=list[str])
    threshold: float = 0.0
    baseline: str = ""


def evaluate_request(transaction: Transaction, asked: Asked) -> Request:
    """The work order.

    Raises NotFound for unknown names, InvalidArgument where dataset, threshold or baseline do not fit the model, and
    Refused where one of them is not for the caller.
    """
    masks = transaction.masks
    # What is masked is refused below, so what is left may be read as it is.
    transaction = transaction.whole
    found = find_model(transaction, asked.model)
    model = judged_model(transaction, found)
    dataset = find_dataset(transaction, asked.dataset)
    check_model_use(masks, found, also=[dataset.label])
    check_open(masks, dataset.label, asked.slices)
    check_table(model.signature, dataset.columns, dataset=dataset.label, target=model.target)
    if asked.threshold and (model.task != "binary" or not 0 < asked.threshold < 1):
        what = (
            "lies between 0 and 1"
            if model.task == "binary"
            else f"is for two classes, and {model.label} is {model.task}"
        )
        raise InvalidArgument(f"threshold={asked.threshold:g}: a threshold {what}.")
    baseline = None
    if asked.baseline:
        other = find_model(transaction, asked.baseline)
        check_model_use(masks, other, also=[dataset.label])
        baseline = judged_model(transaction, other)
        _check_comparable(model, baseline)
        check_table(baseline.signature, dataset.columns, dataset=dataset.label)
    names = [column.name for column in dataset.columns]
    return Request(
        model=model,
        baseline=baseline,
        dataset=dataset.label,
        snapshot=dataset.snapshot,
        source_hash=dataset.source_hash,
        reference=dataset.reference,
        fingerprint=dataset.fingerprint,
        columns=dataset.columns,
        slices=[find_name(name, names, "slices") for name in asked.slices],
        threshold=asked.threshold,
        masked=masks.within([dataset.label, found.dataset, *([baseline.dataset] if baseline else [])]),
        baselines=_baselines(transaction, found.run, model.metric),
    )


def _check_comparable(model: JudgedModel, other: JudgedModel) -> None:
    if (other.task, other.target, sorted(other.classes)) != (model.task, model.target, sorted(model.classes)):
        raise InvalidArgument(
            f"{model.label} predicts {model.target} ({model.task}) and {other.label} {other.target} ({other.task}): "
            "only models of one target and its classes can be compared.",
            next="list_models()",
        )


def _baselines(transaction: Transaction, run: int, metric: str) -> str:
    """The held-out scores of the dummy and the linear model, which every training stores."""
    baselines = get_run(transaction, run).result.get("baselines", {})
    scores = [f"{name} {number(metrics.get(metric))}" for name, metrics in baselines.items()]
    return f"on the held-out rows of its training, {metric}: {', '.join(scores)}" if scores else ""
