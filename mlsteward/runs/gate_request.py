"""From what was asked of `promote_model` to the work order of its gates."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlsteward.errors import InvalidArgument, StewardError
from mlsteward.evaluation.table_fit import check_table
from mlsteward.gates.lineage import Origin
from mlsteward.gates.policy import ModelRules, Policy
from mlsteward.lineage.edge import model_asset
from mlsteward.names import check_alias, check_model_name, parse_reference
from mlsteward.runs.jobs.gate import Incumbent, Live, Request
from mlsteward.runs.judged_model import judged_model
from mlsteward.runs.model_use import check_model_use
from mlsteward.runs.policy import workspace_policy
from mlsteward.store.aliases import CHAMPION, alias_version
from mlsteward.store.contracts import check_order, unkept_columns
from mlsteward.store.datasets import DatasetVersion, find_dataset, newest_version
from mlsteward.store.deployments import deployments
from mlsteward.store.dictionary import column_entries
from mlsteward.store.lineage import edges_to, origins_of
from mlsteward.store.models import Model, find_model
from mlsteward.store.runs import Run, get_run
from mlsteward.store.transaction import Transaction
from mlsteward.training.signature import ImportanceRow

if TYPE_CHECKING:
    from mlsteward.runs.actor import Actor
    from mlsteward.workspace import Workspace

_QUOTED = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class Asked:
    """The arguments of the tool: `name` is what a model that has no name yet is to be called."""

    model: str
    reason: str
    alias: str = CHAMPION
    name: str = ""
    dry_run: bool = False


def start_gates(workspace: "Workspace", actor: "Actor", asked: Asked) -> int:
    """Start a run of kind `gate` and return its number: it judges the model, and promotes it where that may be.

    Raises InvalidArgument for a policy file with mistakes, NotFound for a model that there is not, and Refused where
    the caller may not.
    """
    if not asked.reason.strip():
        raise InvalidArgument("Say why it is to be promoted: `reason` stays on the record.")
    policy = workspace_policy(workspace.folder)
    request = workspace.store.read(lambda t: gate_request(t, workspace.folder, asked, policy))
    return workspace.runs.start(
        "gate",
        request,
        actor=actor,
        name=request.model.label,
        dataset=request.dataset,
        fingerprint=request.fingerprint,
        target=request.model.target,
        params={name: value for name, value in vars(asked).items() if value and name != "reason"},
        reason=asked.reason.strip(),
    )


def gate_request(t: Transaction, workspace: Path, asked: Asked, policy: Policy) -> Request:
    """The work order. Raises NotFound, InvalidName, InvalidArgument or Refused for what the caller can mend."""
    masks, whole = t.masks, t.whole
    model = find_model(whole, asked.model)
    name, alias = _named(model, asked), check_alias(asked.alias)
    version = _version(whole, model)
    check_model_use(masks, model)
    standing = alias_version(whole, name, alias)
    current = find_model(whole, f"{name}@{standing}") if standing else None
    rules = policy.of(name)
    trained = get_run(whole, model.run)
    request = Request(
        model=judged_model(whole, model),
        run=model.run,
        name=name,
        alias=alias,
        dry_run=asked.dry_run,
        standing=standing,
        holds=model.name == name and model.version == standing,
        rules=rules.gates if rules.guards(alias) else None,
        approval=rules.approval,
        metrics=model.metrics,
        difference=trained.result.get("difference"),
        origin=_origin(whole, model, trained, version),
        importance=[ImportanceRow.model_validate(row) for row in trained.result.get("importance") or []],
        masked=masks.within([model.dataset]),
    )
    if current and not request.holds:
        check_model_use(masks, current, also=[version.label] if version else [])
        incumbent = Incumbent(model=judged_model(whole, current), unlike=_unlike(model, current, version))
        request = request.model_copy(
            update={"incumbent": incumbent, "masked": masks.within([model.dataset, current.dataset])}
        )
    if version is None:
        return request
    return request.model_copy(update=_of_rows(t, workspace, rules, model, version, trained, name))


def _named(model: Model, asked: Asked) -> str:
    if not model.name and not asked.name:
        raise InvalidArgument(
            f"{model.label} has no name yet, and an alias stands on a version of a name: give it one as `name`.",
            next=f'promote_model(model="{model.label}", name="{model.target}", reason="…")',
        )
    if model.name and asked.name and asked.name != model.name:
        raise InvalidArgument(
            f"{model.label} keeps its name, so it cannot be promoted as {asked.name!r}: leave `name` out.",
            next=f'promote_model(model="{model.label}", reason="…")',
        )
    return model.name or check_model_name(asked.name)


def _version(whole: Transaction, model: Model) -> DatasetVersion | None:
    """What it was trained on; None where that is not here any more, or never was."""
    return find_dataset(whole, model.dataset, rows=False) if model.dataset else None


def _unlike(model: Model, current: Model, version: DatasetVersion | None) -> str:
    """Why the model that the alias stands on cannot be compared with this one; "" where it can."""
    if (model.task, model.target, sorted(model.classes)) != (current.task, current.target, sorted(current.classes)):
        return (
            f"{current.label} predicts {current.target} ({current.task}), {model.label} {model.target} ({model.task})"
        )
    try:
        check_table(current.signature, version.columns if version else [], dataset=model.dataset)
    except InvalidArgument as error:
        return error.said().rstrip(".")
    return ""


def _of_rows(
    t: Transaction,
    workspace: Path,
    rules: ModelRules,
    model: Model,
    version: DatasetVersion,
    trained: Run,
    name: str,
) -> dict[str, object]:
    """What of the request is about the rows that the model was trained on, and those that it meets now."""
    entries = {entry.column: entry for entry in column_entries(t.whole, version.name)}
    features = [column.name for column in model.signature]
    wanted = {*rules.gates.fairness.columns, *rules.gates.worst_slice.columns}
    columns = [column.name for column in version.columns]
    known = {column for column in columns if entries.get(column) and entries[column].available_at == "before"}
    newest = newest_version(t.whole, version.name)
    newer = newest if newest and newest.version > version.version and not newest.collected else None
    return {
        "dataset": version.label,
        "snapshot": "" if version.collected else version.snapshot,
        "source_hash": version.source_hash,
        "reference": version.reference,
        "fingerprint": version.fingerprint,
        "columns": version.columns,
        "extra": [column for column in columns if column in wanted],
        "hidden": unkept_columns(t, version.name, columns),
        "contract": check_order(t, workspace, version.name, version=version.version),
        "later": [column for column in features if entries.get(column) and entries[column].available_at == "after"],
        "questions": _open(trained.result.get("questions") or [], known | {model.target}),
        "live": Live(
            deployments=[one.name for one in deployments(t.whole) if parse_reference(one.model, "model").name == name],
            dataset=newer.label if newer else "",
            snapshot=newer.snapshot if newer else "",
            columns=newer.columns if newer else [],
        ),
    }


def _open(questions: Sequence[str], answered: set[str]) -> list[str]:
    """The training's questions about columns of which nobody has said that they are known in time."""
    return [question for question in questions if not set(_QUOTED.findall(question)) <= answered]


def _origin(whole: Transaction, model: Model, trained: Run, version: DatasetVersion | None) -> Origin:
    try:
        origins = origins_of(whole, model.dataset)
    except StewardError:  # a dataset on the way that nobody knows any more is what the gate is to say
        origins = []
    edges = edges_to(whole, list(dict.fromkeys([model_asset(model.label), trained.label])))
    linked = {edge.source for edge in edges if edge.kind == "feature"}
    code = trained.environment.get("code") or trained.environment.get("mlsteward", "")
    return Origin(
        run=trained.label,
        dataset=model.dataset,
        fingerprint=version.fingerprint if version else "",
        recorded_fingerprint=model.fingerprint,
        versions=[origin.label for origin in origins],
        sources=[origin.source or "a call" for origin in origins if not origin.sources],
        features=len(model.signature),
        features_linked=len(linked),
        split=str(model.split.get("words", "")),
        seed=str(trained.params.get("seed", 0)) if trained.kind == "train" else str(trained.params.get("seed", "")),
        code=code,
        actor=trained.actor or model.actor,
        snapshot=bool(version and not version.collected),
    )
