"""A model card: metadata as the Hugging Face Hub reads it, then the sections of Annex IV of the EU AI Act.

The metadata follow the Hub's specification of model cards (https://huggingface.co/docs/hub/model-cards), results as a
`model-index`. The sections and points are those of Annex IV of Regulation (EU) 2024/1689, in our words. What is not
recorded is said to be missing; nothing is invented to fill a section.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from mlsteward.exchange.yaml_text import write_yaml
from mlsteward.record import Record
from mlsteward.training.signature import Task

MISSING = "not provided"


class Point(NamedTuple):
    """One thing that Annex IV asks for, under its key: `1a` is point 1 (a)."""

    key: str
    asks: str


ANNEX_IV: dict[str, list[Point]] = {
    "1. General description": [
        Point("1a", "Intended purpose, provider, version and how it relates to earlier ones"),
        Point("1b", "Hardware and software that it works with"),
        Point("1c", "Versions of relevant software"),
        Point("1d", "Forms in which it is put into service"),
        Point("1e", "Hardware that it is to run on"),
        Point("1f", "Products that it is a component of"),
        Point("1g", "User interface for the deployer"),
        Point("1h", "Instructions for use"),
    ],
    "2. Elements and development": [
        Point("2a", "Methods and steps of development, third-party tools"),
        Point("2b", "Design: logic, algorithms, what is optimised, choices and assumptions, expected output"),
        Point("2c", "Architecture and computing resources"),
        Point("2d", "Data: provenance, scope, main characteristics, selection, labelling, cleaning"),
        Point("2e", "Human oversight that is needed"),
        Point("2f", "Changes that were decided on beforehand"),
        Point("2g", "Validation and testing: data, metrics, discriminatory impact, dated logs"),
        Point("2h", "Cybersecurity"),
    ],
    "3. Monitoring, functioning and control": [
        Point("3a", "Capabilities and limits of its performance, also for groups of persons"),
        Point("3b", "Foreseeable unintended outcomes and sources of risk"),
        Point("3c", "Human oversight in operation"),
        Point("3d", "Specification of input data"),
    ],
    "4. Appropriateness of the metrics": [Point("4", "Why these metrics")],
    "5. Risk management system": [Point("5", "Risk management by Article 9")],
    "6. Changes through the lifecycle": [Point("6", "Relevant changes")],
    "7. Harmonised standards": [Point("7", "Standards that were applied")],
    "8. EU declaration of conformity": [Point("8", "Copy of the declaration")],
    "9. Monitoring after it is put into service": [Point("9", "System and plan of post-market monitoring")],
}


class CardResult(Record):
    """A metric on held-out rows."""

    metric: str
    value: float
    low: float | None = None
    high: float | None = None


class ModelCard(Record):
    """What a card is written from. `says` has lines by key of a point; a point without any is missing.

    `dataset` is the version that was trained on, `fingerprint` of its rows; `summary` opens the card.
    """

    name: str
    version: int
    task: Task
    target: str
    dataset: str
    fingerprint: str = ""
    license: str = ""
    tags: list[str] = []
    results: list[CardResult] = []
    summary: list[str] = []
    says: dict[str, list[str]] = {}


def write_card(card: ModelCard) -> str:
    """The card in Markdown, its metadata in front as YAML."""
    lines = ["---", write_yaml(metadata(card)).rstrip(), "---", "", f"# Model card of {card.name}@{card.version}", ""]
    lines += [*card.summary, "", f"{_filled(card)} What is not recorded here is marked *{MISSING}*.", ""]
    for title, points in ANNEX_IV.items():
        lines += [f"## {title}", "", *_section(points, card.says)]
    return "\n".join(lines)


def metadata(card: ModelCard) -> dict[str, Any]:
    """What the Hub reads; keys without a value are left out."""
    kind = "tabular-regression" if card.task == "regression" else "tabular-classification"
    metrics = [
        {"type": one.metric, "name": one.metric, "value": one.value, "args": _interval(one)} for one in card.results
    ]
    result = {
        "task": {"type": kind, "name": f"{card.task} of {card.target}"},
        "dataset": {
            "type": card.dataset.partition("@")[0],
            "name": card.dataset,
            "split": "test",
            "revision": card.fingerprint,
        },
        "metrics": [{key: value for key, value in metric.items() if value != {}} for metric in metrics],
    }
    found: dict[str, Any] = {
        "license": card.license,
        "library_name": "sklearn",
        "pipeline_tag": kind,
        "tags": [*dict.fromkeys(["mlsteward", "skops", *card.tags])],
        "datasets": [card.dataset.partition("@")[0]] if card.dataset else [],
        "metrics": [one.metric for one in card.results],
        "model_name": card.name,
        "model-index": [{"name": card.name, "results": [result]}] if metrics else [],
    }
    return {key: value for key, value in found.items() if value}


def _interval(result: CardResult) -> dict[str, float]:
    """The 95 % interval, as arguments of the metric: the Hub has no field for it."""
    if result.low is None or result.high is None:
        return {}
    return {"low_95": result.low, "high_95": result.high}


def _filled(card: ModelCard) -> str:
    points = [point.key for points in ANNEX_IV.values() for point in points]
    return f"{sum(bool(card.says.get(key)) for key in points)} of {len(points)} points of Annex IV are filled."


def _section(points: Sequence[Point], says: Mapping[str, list[str]]) -> Iterator[str]:
    for point in points:
        lines = [line for line in says.get(point.key, []) if line]
        yield f"**({point.key}) {point.asks}.**" + ("" if lines else f" *{MISSING}*")
        if lines:
            yield ""
            yield from (f"- {line}" for line in lines)
        yield ""
