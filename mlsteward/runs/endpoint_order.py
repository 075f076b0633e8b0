"""From what the store says of a deployment to what its endpoint is told."""

from functools import reduce

from mlsteward.dictionary.sensitivity import higher
from mlsteward.runs.model_use import level_of_predictions
from mlsteward.serving.endpoint.desired import Desired, EndpointFolder, ServedModel
from mlsteward.store.deployments import Deployment
from mlsteward.store.dictionary import column_entries
from mlsteward.store.masking import inherited
from mlsteward.store.models import Model, find_model
from mlsteward.store.tokens import hashes_of_tokens
from mlsteward.store.transaction import Transaction

# No token has this hash: an endpoint that knows it alone lets nobody in.
_NOBODY = "0" * 64


def endpoint_order(t: Transaction, deployment: Deployment) -> Desired:
    """What the endpoint is to serve, to whom, and what of rows it may write down; its `number` is 0.

    Raises NotFound when a model is gone.
    """
    model = find_model(t, deployment.model)
    beside = [deployment.canary_model if deployment.canary else "", deployment.shadow_model]
    models = [model, *(find_model(t, label) for label in beside if label)]
    # Those whose values not everybody may see, in the data of any of them.
    hidden = {column.casefold() for one in models for column in inherited(t, one.dataset)}
    hashes = hashes_of_tokens(t, reduce(higher, [level_of_predictions(t, one) for one in models]))
    return Desired(
        deployment=deployment.name,
        number=0,
        model=_served(t, deployment.model),
        canary=_served(t, deployment.canary_model) if deployment.canary else None,
        canary_percent=deployment.canary,
        canary_since=deployment.canary_since,
        shadow=_served(t, deployment.shadow_model) if deployment.shadow_model else None,
        key=_key(t, model, hidden),
        host=deployment.host,
        port=deployment.port,
        token_hashes=[] if hashes is None else hashes or [_NOBODY],
        allowed_hosts=deployment.allowed_hosts,
        unlogged=[column.name for column in model.signature if column.name.casefold() in hidden],
    )


def tell(folder: EndpointFolder, order: Desired, *, port: int | None = None) -> Desired:
    """Have the endpoint follow `order`: written when it says something else than what it was told last.

    A running endpoint keeps its port; `port` is that of one that is about to start.
    """
    last = _last(folder)
    asked = order.model_copy(update={"number": last.number, "port": last.port if port is None else port})
    if last == asked and last.number:
        return last
    told = asked.model_copy(update={"number": last.number + 1})
    folder.write_desired(told)
    return told


def _last(folder: EndpointFolder) -> Desired:
    try:
        return folder.read_desired()
    except (FileNotFoundError, ValueError):  # pydantic's errors are ValueErrors
        nothing = ServedModel(label="", path="", sha256="")
        return Desired(deployment=folder.path.name, number=0, model=nothing)


def _served(t: Transaction, label: str) -> ServedModel:
    model = find_model(t, label)
    return ServedModel(label=model.label, path=model.path, sha256=model.sha256)


def _key(t: Transaction, model: Model, hidden: set[str]) -> str:
    """The one column that the dictionary knows as key of the training data, "" where there is none, or several."""
    keys = [entry.column for entry in column_entries(t, model.dataset.partition("@")[0]) if entry.role == "key"]
    return keys[0] if len(keys) == 1 and keys[0].casefold() not in hidden else ""
