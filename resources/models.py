"""The page `mlsteward://models/{name}`."""

from typing import NamedTuple

from mlsteward.answer import cell, counted, interval, markdown_table, number
from mlsteward.dictionary.card import Beside, card_of
from mlsteward.dictionary.comment import comments_section
from mlsteward.lineage.edge import model_asset
from mlsteward.server.declare import Page
from mlsteward.store.aliases import AliasChange, alias_history, aliases_of
from mlsteward.store.comments import comments_of
from mlsteward.store.datasets import DatasetVersion
from mlsteward.store.dictionary import find_entry
from mlsteward.store.lineage import Use, origins_of, uses_of_model
from mlsteward.store.links import links_of
from mlsteward.store.models import Model, find_model, model_names, versions_of
from mlsteward.store.transaction import Transaction
from mlsteward.training.signature import SignatureColumn
from mlsteward.workspace import Workspace

_MOVES = 20


class Read(NamedTuple):
    """What the store says of a model."""

    model: Model
    versions: list[Model]
    origins: list[DatasetVersion]
    uses: list[Use]
    aliases: dict[str, int]
    moves: list[AliasChange]


def model_page(workspace: Workspace, name: str) -> str:
    """A model: its versions, held-out metrics, signature, and lineage from source to what was made with it."""

    def read(transaction: Transaction) -> Read:
        model = find_model(transaction, name)
        versions = versions_of(transaction, model.name) if model.name else [model]
        origins, uses = origins_of(transaction, model.dataset), uses_of_model(transaction, model.label)
        moves = alias_history(transaction, model.name) if model.name else []
        return Read(model, versions, origins, uses, aliases_of(transaction, model.name), moves)

    workspace.runs.take_in()
    model, versions, origins, uses, aliases, moves = workspace.store.read(read)
    about = f"{model.task} of {model.target}" + (f", classes {', '.join(model.classes)}" if model.classes else "")
    lines = [f"# Model {model.label}", "", f"{about}; {model.estimator or 'estimator not recorded'}.", ""]
    lines += [f"Chosen by {model.metric} on out-of-fold predictions."]
    if len(model.classes) == 2:
        lines.append(f"Predicts {model.classes[1]} from a probability of {number(model.threshold)} on.")
    if model.name:
        lines.append(f"Its card: mlsteward://models/{model.name}/{model.version}/card")
    lines += ["", "## Metrics on held-out rows", ""]
    lines += markdown_table(("metric", "value [95 %]"), [[key, interval(*score)] for key, score in _scores(model)])
    if len(versions) > 1:
        lines += ["", "## Versions", ""]
        lines += markdown_table(
            ("version", "aliases", model.metric, "dataset", "run", "by", "created"),
            [_version(one, aliases) for one in versions],
        )
    if moves:
        lines += ["", "## Aliases", ""]
        lines += [f"- {alias}: {model.name}@{version}" for alias, version in aliases.items()]
        lines += ["", *map(_move, moves[:_MOVES])]
    lines += ["", "## Signature", "", "What a row must have; null stands for a missing value.", ""]
    headers = ("column", "kind", "type", "values in training", "nulls")
    lines += markdown_table(
        headers, [[one.name, one.kind, one.type, _values(one), one.nulls] for one in model.signature]
    )
    lines += workspace.store.read(lambda transaction: _said_of(transaction, model))
    lines += ["", "## Lineage", ""]
    lines += [f"- {_origin(origin)}" for origin in origins]
    lines += [f"- run:{model.run} (train), by {model.actor or 'unknown'}: mlsteward://runs/{model.run}"]
    lines += [f"- {model.label}: file {model.path}, SHA-256 {model.sha256}"]
    lines += [
        f"- rows as {' and '.join(step.sources)} have them are scored after the statement of {step.dataset}"
        for step in model.transforms
    ]
    lines += [f"- used by run:{use.run} ({use.kind}{' of ' + use.dataset if use.dataset else ''})" for use in uses]
    lines += [f"- all of it: mlsteward://lineage/{model_asset(model.label).replace(':', '/', 1)}"]
    return "\n".join(lines) + "\n"


def _said_of(transaction: Transaction, model: Model) -> list[str]:
    """What people wrote about a model, under its name or, where it has none, its run."""
    asset = f"model:{model.name}" if model.name else model.label
    links = links_of(transaction, asset) if model.name else []
    entry = find_entry(transaction, asset) if model.name else None
    lines: list[str] = []
    if entry and (entry.version or links):
        card = card_of(entry, Beside(links=links), room=10_000)
        lines = ["", "## Documentation", "", card.verdict, "", *(f"- {line}" for line in card.lines())]
    return [*lines, *comments_section(comments_of(transaction, asset))]


def _origin(version: DatasetVersion) -> str:
    made = ", ".join(version.sources) or version.source or "a call"
    return f"dataset {version.label}, {counted(version.rows, 'row')}, from {made}: mlsteward://datasets/{version.name}"


def _scores(model: Model) -> list[tuple[str, tuple[float | None, float | None, float | None]]]:
    return [(name, (score.value, score.low, score.high)) for name, score in model.metrics.items()]


def _move(move: AliasChange) -> str:
    run = f", run:{move.run}" if move.run else ""
    why = f": {move.reason}" if move.reason else ""
    return f"- {move.created:%Y-%m-%d %H:%M} UTC {move.words} by {move.actor or 'unknown'}{run}{why}"


def _version(model: Model, aliases: dict[str, int]) -> list[object]:
    score = model.metrics.get(model.metric)
    shown = interval(score.value, score.low, score.high) if score else None
    own = ", ".join(alias for alias, version in aliases.items() if version == model.version)
    return [
        model.version,
        own,
        shown,
        model.dataset,
        f"run:{model.run}",
        model.actor,
        f"{model.created:%Y-%m-%d %H:%M}",
    ]


def _values(column: SignatureColumn) -> str:
    if column.levels:
        more = f" and {column.distinct - len(column.levels)} more" if column.distinct > len(column.levels) else ""
        return ", ".join(column.levels[:12]) + ("…" if len(column.levels) > 12 else "") + more
    return f"{cell(column.low)} to {cell(column.high)}" if column.low is not None else ""


def _names(workspace: Workspace, prefix: str) -> list[str]:
    return workspace.store.read(lambda transaction: model_names(transaction, prefix))


PAGES = [Page("mlsteward://models/{name}", model_page, title="A model", complete={"name": _names})]
