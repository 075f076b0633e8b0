"""The card of a model's version: what the store knows, under the points of Annex IV."""

from collections.abc import Callable, Mapping

from mlsteward.answer import cell, clipped, counted, interval, number
from mlsteward.dictionary.entry import Entry
from mlsteward.exchange.model_card import CardResult, ModelCard
from mlsteward.runs.card_facts import CardFacts
from mlsteward.store.runs import Run
from mlsteward.training.signature import SignatureColumn

_COLUMNS = 60
_LONGEST = 400
_LICENSE = "license:"
_MISSING = "not provided"


def model_card(facts: CardFacts) -> ModelCard:
    """The card, its points filled as far as anything is recorded."""
    model, tags = facts.model, facts.entry.tags
    says = {key: [clipped(line, _LONGEST) for line in fill(facts) if line] for key, fill in _POINTS.items()}
    return ModelCard(
        name=model.name,
        version=model.version,
        task=model.task,
        target=model.target,
        dataset=model.dataset,
        fingerprint=model.fingerprint,
        license=next((tag.removeprefix(_LICENSE) for tag in tags if tag.startswith(_LICENSE)), ""),
        tags=[tag for tag in tags if not tag.startswith(_LICENSE)],
        results=[
            CardResult(metric=name, value=score.value, low=score.low, high=score.high)
            for name, score in model.metrics.items()
            if score.value is not None
        ],
        summary=[_summary(facts)],
        says=says,
    )


def _summary(facts: CardFacts) -> str:
    model = facts.model
    standing = f"; it is {' and '.join(facts.aliases)}" if facts.aliases else "; no alias stands on it"
    return f"{model.estimator or 'A model'} that predicts `{model.target}` ({model.task}){standing}."


def _purpose(facts: CardFacts) -> list[str]:
    model, entry = facts.model, facts.entry
    how = f'document_asset(asset="model:{model.name}", description="…", owner="…")'
    earlier = [f"{one.label} of {one.created:%Y-%m-%d}" for one in facts.versions if one.version < model.version]
    return [
        f"intended purpose: {entry.description or f'{_MISSING}; {how}'}",
        f"provider: {entry.owner or _MISSING}",
        f"version {model.version} of {model.created:%Y-%m-%d}, "
        + (f"after {', '.join(earlier[:5])}" if earlier else "the first"),
    ]


def _surroundings(facts: CardFacts) -> list[str]:
    return [f"{one.label} answers rows over HTTP (Open Inference Protocol V2)" for one in facts.served]


def _software(facts: CardFacts) -> list[str]:
    known = facts.trained.environment
    return [", ".join(f"{name} {value}" for name, value in known.items() if name != "platform")] if known else []


def _forms(facts: CardFacts) -> list[str]:
    endpoints = [f"{one.label}: an endpoint, {one.state}, asked for as {one.asked}" for one in facts.served]
    return [f"a skops file, SHA-256 {facts.model.sha256}", *endpoints]


def _hardware(facts: CardFacts) -> list[str]:
    cost = facts.gates.get("cost")
    platform = facts.trained.environment.get("platform", "")
    return [f"measured on {platform}: {cost.words}"] if cost and cost.value is not None else []


def _instructions(facts: CardFacts) -> list[str]:
    return [facts.entry.usage]


def _development(facts: CardFacts) -> list[str]:
    run, training = facts.trained, facts.training
    lines = [
        f"run:{run.number} ({run.kind}) of {run.created:%Y-%m-%d %H:%M} UTC by {run.actor or 'unknown'}"
        + (f": {run.reason}" if run.reason else "")
    ]
    if training:
        tried = ", ".join(f"{one.name} {number(one.score)}" for one in training.leaderboard)
        lines += [
            training.split_words,
            f"candidates by {training.metric}, out of fold: {tried}" if tried else "",
            f"seed {run.params.get('seed', 0)}; fitted with scikit-learn on these rows alone, from no other model",
        ]
    return lines


def _design(facts: CardFacts) -> list[str]:
    model, training = facts.model, facts.training
    output = (
        f"a number, `{model.target}`"
        if model.task == "regression"
        else f"a probability for each of {counted(len(model.classes), 'class', 'classes')} of `{model.target}`"
    )
    lines = [f"gives {output}", f"chosen by {model.metric} on out-of-fold predictions"]
    if not training:
        return lines
    drivers = [f"{' + '.join(one.columns)} ({number(one.value, 2)})" for one in training.drivers()]
    aside = [f"{one.name} {one.reason}" for one in training.set_aside]
    return [
        *lines,
        training.decision,
        f"leans on {', '.join(drivers)} (what permuting costs in {training.metric})" if drivers else "",
        f"set aside: {'; '.join(aside)}" if aside else "",
        *training.notes,
    ]


def _architecture(facts: CardFacts) -> list[str]:
    run = facts.trained
    took = [
        f"{number(run.wall_seconds, 3)} s" if run.wall_seconds is not None else "",
        f"{number(run.cpu_seconds, 3)} CPU seconds" if run.cpu_seconds is not None else "",
        f"{number(run.peak_memory_mb, 3)} MB of memory" if run.peak_memory_mb is not None else "",
        f"on {run.environment['platform']}" if "platform" in run.environment else "",
    ]
    used = ", ".join(part for part in took if part)
    return [facts.model.estimator, f"training took {used}" if used else ""]


def _data(facts: CardFacts) -> list[str]:
    dataset, entry = facts.dataset, facts.columns.get("")
    if dataset is None:
        return []
    sources = [one.source or "a call" for one in facts.origins if not one.sources]
    sensitive = [f"{name} ({one.sensitivity})" for name, one in facts.columns.items() if name and _is_sensitive(one)]
    checks = counted(len(facts.contract.checks), "check") if facts.contract else ""
    return [
        f"dataset:{dataset.label}: {counted(dataset.rows, 'row')}, {counted(len(dataset.columns), 'column')}",
        f"fingerprint of its rows: {facts.model.fingerprint or _MISSING}",
        f"from {', '.join(dict.fromkeys(sources))}" if sources else "",
        *(f"{one.label} made by SQL from {', '.join(one.sources)}" for one in facts.origins if one.sources),
        f"what it holds: {entry.description if entry and entry.description else _MISSING}",
        f"sensitive columns: {', '.join(sensitive)}" if sensitive else "",
        f"contract of {checks}: {facts.gates['contract'].words}" if checks and "contract" in facts.gates else "",
        f"{facts.health.label} was {facts.health.words}" if facts.health else "",
    ]


def _is_sensitive(entry: Entry) -> bool:
    return entry.sensitivity in ("confidential", "restricted")


def _oversight(facts: CardFacts) -> list[str]:
    if facts.rules is None:
        return [f"the policy cannot be read: {facts.policy}"]
    approval = facts.rules.approval
    wanted = {
        "promoted to champion": approval.wants("promote", "champion"),
        "deployed": approval.wants("deploy", "champion"),
    }
    asked = [what for what, wants in wanted.items() if wants]
    return [f"a person must allow that it is {' or '.join(asked)} (policy)"] if asked else []


def _planned(facts: CardFacts) -> list[str]:
    on = facts.rules.retrain.on if facts.rules else []
    return [f"retrained by its own recipe on: {', '.join(on)} (policy)"] if on else []


def _testing(facts: CardFacts) -> list[str]:
    training, run = facts.training, facts.gates_run
    lines: list[str] = []
    if training:
        units = counted(training.units, training.unit)
        lines.append(f"measured on {counted(training.test_rows, 'held-out row')} of {units}, {training.split_words}")
        board = "; ".join(
            f"{name} {number(values.get(training.metric))}" for name, values in training.baselines.items()
        )
        lines.append(f"baselines by {training.metric}: {board}" if board else "")
    if run:
        when = f"{run.finished or run.created:%Y-%m-%d %H:%M} UTC"
        lines += [f"gate {one.gate} {one.outcome}: {one.words}" for one in facts.gates.values()]
        lines.append(f"gates looked at in run:{run.number} on {when}, asked for by {run.actor or 'unknown'}")
    return lines + [f"run:{one.number} of {one.created:%Y-%m-%d}: {one.result['verdict']}" for one in _told(facts)]


def _told(facts: CardFacts) -> list[Run]:
    return [run for run in facts.judged if run.result.get("verdict")]


def _security(facts: CardFacts) -> list[str]:
    artifact = facts.gates.get("artifact")
    return [
        "its file is opened only with the registered SHA-256, and holds types of an allow-list alone",
        artifact.words if artifact else "",
    ]


def _performance(facts: CardFacts) -> list[str]:
    scores = [f"{name} {interval(one.value, one.low, one.high)}" for name, one in facts.model.metrics.items()]
    groups = [facts.gates[name].words for name in ("worst_slice", "fairness", "calibration") if name in facts.gates]
    return [f"on held-out rows, 95 % intervals: {', '.join(scores)}" if scores else "", *groups]


def _risks(facts: CardFacts) -> list[str]:
    questions = facts.training.questions if facts.training else []
    failing = [f"gate {one.gate}: {one.words}" for one in facts.gates.values() if one.outcome in ("failed", "warned")]
    alerts = [f"{one.label} open on {one.asset}, {one.check}: {one.words}" for one in facts.alerts]
    return [*(f"open question: {question}" for question in questions), *failing, *alerts]


def _decisions(facts: CardFacts) -> list[str]:
    return [f"run:{one.run}, {one.summary} {one.line()}" for one in facts.approvals]


def _inputs(facts: CardFacts) -> list[str]:
    shown = facts.model.signature[:_COLUMNS]
    more = len(facts.model.signature) - len(shown)
    lines = [_input(one, facts) for one in shown]
    return [*lines, f"and {counted(more, 'more column')}"] if more else lines


def _input(column: SignatureColumn, facts: CardFacts) -> str:
    entry = facts.columns.get(column.name)
    meaning = f": {entry.description}" if entry and entry.description else ""
    unit = f" in {entry.unit}" if entry and entry.unit else ""
    values = ", ".join(column.levels[:8]) + ("…" if len(column.levels) > 8 else "")
    if column.low is not None:
        values = f"{cell(column.low)} to {cell(column.high)}"
    return f"`{column.name}` ({column.kind}{unit}{f'; {values}' if values else ''}){meaning}"


def _history(facts: CardFacts) -> list[str]:
    return [
        f"{one.created:%Y-%m-%d %H:%M} UTC {one.words} by {one.actor or 'unknown'}"
        + (f" (run:{one.run})" if one.run else "")
        + (f": {one.reason}" if one.reason else "")
        for one in facts.moves
    ]


def _watch(facts: CardFacts) -> list[str]:
    return [
        f"deployment:{one.deployment} is looked at every {number(one.every_seconds / 3600, 3)} hours, with a budget of"
        f" one false alarm in {number(one.budget_days, 3)} days; what follows an alarm: {one.on_alert}"
        for one in facts.watched
        if one.stopped is None
    ]


# Points without a line here (products, user interface, risk management, standards, the declaration, why these metrics)
# are nowhere in a store: people write those.
_POINTS: Mapping[str, Callable[[CardFacts], list[str]]] = {
    "1a": _purpose,
    "1b": _surroundings,
    "1c": _software,
    "1d": _forms,
    "1e": _hardware,
    "1h": _instructions,
    "2a": _development,
    "2b": _design,
    "2c": _architecture,
    "2d": _data,
    "2e": _oversight,
    "2f": _planned,
    "2g": _testing,
    "2h": _security,
    "3a": _performance,
    "3b": _risks,
    "3c": _decisions,
    "3d": _inputs,
    "6": _history,
    "9": _watch,
}
