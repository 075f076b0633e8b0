"""From what was asked of `deploy_model` to the work order of its worker."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime

from mlsteward.config import Settings, is_loopback
from mlsteward.errors import InvalidArgument, NotFound, NotSupported, Refused
from mlsteward.names import parse_reference
from mlsteward.runs.jobs.deploy import Part, Request
from mlsteward.runs.model_use import check_model_use, level_of_predictions
from mlsteward.store.datasets import find_dataset
from mlsteward.store.deployments import Deployment, known_deployment
from mlsteward.store.masking import Masks
from mlsteward.store.models import Model, find_model
from mlsteward.store.tokens import hashes_of_tokens
from mlsteward.store.transaction import Transaction


@dataclass(frozen=True)
class Asked:
    """The arguments of the tool."""

    model: str
    name: str = ""
    shadow: str = ""
    canary: int = 0


def deploy_request(transaction: Transaction, asked: Asked, settings: Settings) -> Request | Deployment:
    """The work order, or the deployment as it stands where it is what was asked for already.

    Raises NotFound for unknown names, InvalidArgument where the models do not go together, and Refused where one of
    them, or an address, is not for the caller.
    """
    if not hasattr(os, "fork"):
        raise NotSupported("Endpoints need a system with fork (Linux, macOS); predict_rows scores rows on any.")
    masks, t = transaction.masks, transaction.whole
    found = _usable(t, masks, asked.model)
    name = asked.name.strip().removeprefix("deployment:") or found.name or f"run_{found.run}"
    known = known_deployment(t, name)
    shadow = _usable(t, masks, asked.shadow) if asked.shadow else None
    if asked.canary:
        champion = _champion(t, known, found, asked)
        wanted = champion.model_copy(update={"canary": asked.canary, "canary_model": found.label})
        served = find_model(t, champion.model)
        _check_beside(served, found, "canary")
        roles = {"canary": found}
    else:
        _check_address(t, settings, found)
        served = found
        now = datetime.now(UTC)
        wanted = Deployment(
            name=name, asked=follows(asked.model) or found.label, model=found.label, created=now, changed=now
        )
        address = {"host": settings.endpoint_host, "allowed_hosts": settings.endpoint_allowed_hosts}
        wanted = wanted.model_copy(update=address)
        roles = {"champion": found}
    if shadow:
        _check_beside(served, shadow, "shadow")
        wanted = wanted.model_copy(
            update={"shadow": follows(asked.shadow) or shadow.label, "shadow_model": shadow.label}
        )
        roles["shadow"] = shadow
    if known and _same(known, wanted):
        return known
    return Request(
        wanted=wanted,
        expected=known.revision if known else 0,
        parts=[_part(t, role, model) for role, model in roles.items()],
    )


def follows(model: str) -> str:
    """The text as it is kept when it names an alias, which is followed; "" for a version, a run or a bare name."""
    reference = parse_reference(model.strip(), default="model") if not model.strip().isdigit() else None
    if reference is None or reference.kind != "model" or reference.version in ("", "latest"):
        return ""
    return "" if reference.version.isdigit() else f"{reference.name}@{reference.version}"


def _usable(t: Transaction, masks: Masks, text: str) -> Model:
    model = find_model(t, text)
    check_model_use(masks, model)
    return model


def _champion(t: Transaction, known: Deployment | None, found: Model, asked: Asked) -> Deployment:
    """What a canary runs beside."""
    if not 0 < asked.canary < 100:
        raise InvalidArgument(f"canary={asked.canary}: it is a percentage of requests, from 1 to 99; 0 is all of them.")
    if known is None or known.wanted == "stopped":
        raise InvalidArgument(
            "A canary runs beside a model that is served already: deploy that first.",
            next=f'deploy_model(model="{found.name or asked.model}@champion")',
        )
    if known.model == found.label:
        raise InvalidArgument(f"{known.label} serves {found.label} already.", next="check_deployment()")
    return known


def _check_beside(served: Model, other: Model, role: str) -> None:
    """Both must answer the same rows with the same kind of thing."""
    said = {"predicts": (served.target, other.target), "is of the task": (served.task, other.task)}
    said["has the classes"] = (", ".join(served.classes), ", ".join(other.classes))
    for what, (first, second) in said.items():
        if first != second:
            raise InvalidArgument(
                f"{other.label} cannot be a {role} of {served.label}: it {what} {second}, not {first}."
            )
    known = {column.name for column in served.signature}
    if missing := [column.name for column in other.signature if column.name not in known]:
        raise InvalidArgument(
            f"{other.label} cannot be a {role} of {served.label}: it also needs {', '.join(missing[:5])}, which callers"
            " do not send."
        )


def _check_address(t: Transaction, settings: Settings, model: Model) -> None:
    host = settings.endpoint_host
    if not is_loopback(host) and not hashes_of_tokens(t, level_of_predictions(t, model)):
        raise Refused(
            f"{host} can be reached from other machines, so a token that is cleared for {model.label} is needed first:"
            " `mlsteward token create NAME --scope read`."
        )


def _same(known: Deployment, wanted: Deployment) -> bool:
    fields = ("wanted", "asked", "model", "shadow", "shadow_model", "canary", "canary_model", "host")
    return known.state != "failed" and all(getattr(known, field) == getattr(wanted, field) for field in fields)


def _part(t: Transaction, role: str, model: Model) -> Part:
    try:
        version = find_dataset(t, model.dataset, rows=False)
        snapshot = "" if version.collected else version.snapshot
    except NotFound:
        snapshot = ""
    return Part(role=role, label=model.label, path=model.path, sha256=model.sha256, snapshot=snapshot)
