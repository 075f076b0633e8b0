"""What the store knows of a version of a model, as far as its reader may see it."""

from dataclasses import dataclass, field
from pathlib import Path

from mlsteward.contracts.check import Contract
from mlsteward.dictionary.entry import Entry
from mlsteward.errors import InvalidArgument
from mlsteward.gates.policy import ModelRules
from mlsteward.gates.result import GateResult
from mlsteward.runs.jobs.train import Result as Training
from mlsteward.runs.policy import workspace_policy
from mlsteward.runs.seen import seen_run
from mlsteward.store.alerts import Alert, open_alerts
from mlsteward.store.aliases import AliasChange, alias_history, aliases_of
from mlsteward.store.approvals import Approval, approval_of_run
from mlsteward.store.check_results import Health, last_health
from mlsteward.store.contracts import contract_of
from mlsteward.store.datasets import DatasetVersion, find_dataset
from mlsteward.store.deployments import Deployment, deployments
from mlsteward.store.dictionary import entries_of, find_entry
from mlsteward.store.gate_results import gate_results_of, last_gates
from mlsteward.store.lineage import origins_of, uses_of_model
from mlsteward.store.models import Model, versions_of
from mlsteward.store.monitors import Monitor, monitors
from mlsteward.store.runs import Run
from mlsteward.store.transaction import Transaction

_JUDGEMENTS = 3


@dataclass(frozen=True)
class CardFacts:
    """A version, how it was trained and on what, what was found of it, and where it serves.

    `training` is what the train run said, None for a model that was trained elsewhere or may not be shown. `gates` are
    those of the run `gates_run`, the last that looked at it. `rules` is the policy for it, `policy` why there is none.
    """

    model: Model
    trained: Run
    training: Training | None
    entry: Entry
    versions: list[Model]
    aliases: list[str]
    moves: list[AliasChange]
    approvals: list[Approval]
    rules: ModelRules | None
    policy: str = ""
    dataset: DatasetVersion | None = None
    origins: list[DatasetVersion] = field(default_factory=list[DatasetVersion])
    columns: dict[str, Entry] = field(default_factory=dict[str, Entry])
    contract: Contract | None = None
    health: Health | None = None
    gates_run: Run | None = None
    gates: dict[str, GateResult] = field(default_factory=dict[str, GateResult])
    judged: list[Run] = field(default_factory=list[Run])
    served: list[Deployment] = field(default_factory=list[Deployment])
    watched: list[Monitor] = field(default_factory=list[Monitor])
    alerts: list[Alert] = field(default_factory=list[Alert])


def card_facts(t: Transaction, workspace: Path, model: Model) -> CardFacts:
    """Everything in one transaction; `model` has a name."""
    trained = seen_run(t, model.run)
    rules, wrong = _policy(workspace, model.name)
    moves = [move for move in alias_history(t, model.name) if model.version in (move.version, move.previous)]
    approvals = [approval for move in moves if move.run and (approval := approval_of_run(t, move.run))]
    dataset = find_dataset(t, model.dataset, rows=False) if model.dataset else None
    entries = {entry.column: entry for entry in entries_of(t, dataset.name)} if dataset else {}
    served = [one for one in deployments(t) if model.label in (one.model, one.canary_model, one.shadow_model)]
    names = {one.name for one in served}
    number = last_gates(t, [model.label, f"run:{model.run}"])
    uses = [use.run for use in uses_of_model(t, model.label) if use.kind == "evaluate"]
    about = [f"model:{model.name}", *(one.label for one in served), *([f"dataset:{dataset.name}"] if dataset else [])]
    return CardFacts(
        model=model,
        trained=trained,
        training=Training.model_validate(trained.result) if trained.kind == "train" and trained.result else None,
        entry=find_entry(t, f"model:{model.name}"),
        versions=versions_of(t, model.name),
        aliases=[alias for alias, version in aliases_of(t, model.name).items() if version == model.version],
        moves=moves,
        approvals=approvals,
        rules=rules,
        policy=wrong,
        dataset=dataset,
        origins=origins_of(t, model.dataset),
        columns=entries,
        contract=contract_of(t, dataset.name) if dataset else None,
        health=last_health(t, dataset.name) if dataset else None,
        gates_run=seen_run(t, number) if number else None,
        gates={one.gate: one for one in gate_results_of(t, number)} if number else {},
        judged=[seen_run(t, run) for run in uses[:_JUDGEMENTS]],
        served=served,
        watched=[one for one in monitors(t) if one.deployment in names],
        alerts=[alert for asset in about for alert in open_alerts(t, asset)],
    )


def _policy(workspace: Path, name: str) -> tuple[ModelRules | None, str]:
    try:
        return workspace_policy(workspace).of(name), ""
    except InvalidArgument as error:
        return None, error.said()
