"""The tool `list_models`."""

from typing import NamedTuple

from pydantic import Field

from mlsteward.answer import Answer, counted, interval, table
from mlsteward.errors import InvalidArgument
from mlsteward.names import parse_reference
from mlsteward.record import Record
from mlsteward.server.declare import Call, Tool
from mlsteward.store.aliases import all_aliases
from mlsteward.store.models import Model, count_versions, find_model, newest_models, versions_of
from mlsteward.store.transaction import Transaction

MOST = 100


class ModelLine(Record):
    model: str
    aliases: str = Field(default="", description="Aliases that stand on it; `champion@1` stands on version 1.")
    task: str
    target: str
    dataset: str
    score: str = Field(description="The metric that chose the model, on held-out rows, with its 95 % interval.")
    estimator: str
    versions: int | None = None
    run: int
    created: str


class Read(NamedTuple):
    """What the store says: models, the aliases of each name, and how many versions a name has."""

    models: list[Model]
    aliases: dict[str, dict[str, int]]
    versions: dict[str, int]


class ModelsAnswer(Answer):
    total: int
    models: list[ModelLine] = Field(default_factory=list[ModelLine])
    cursor: str | None = None
    page: str | None = None

    def body(self) -> list[str]:
        rows = [list(line.model_dump().values()) for line in self.models]
        more = f'more: the same call with cursor="{self.cursor}"' if self.cursor else ""
        return [*table(list(ModelLine.model_fields), rows), more]


def list_models(call: Call, name: str = "", limit: int = 20, cursor: str = "") -> ModelsAnswer:
    """List the named models, newest version each, with held-out scores and aliases; with a name, all its versions.

    Every train run also left a model without a name: `run:142` stands for it wherever a model is asked for.
    """
    if cursor and not cursor.isdigit():
        raise InvalidArgument(f"cursor={cursor!r} is none that list_models gave.", next="list_models()")
    start = int(cursor or 0)

    def read(transaction: Transaction) -> Read:
        if not name:
            return Read(newest_models(transaction), all_aliases(transaction), count_versions(transaction))
        found = find_model(transaction, parse_reference(name, default="model").name)
        return Read(versions_of(transaction, found.name), all_aliases(transaction, found.name), {})

    call.workspace.runs.take_in()
    read_now = call.workspace.store.read(read)
    models = read_now.models
    if not models:
        return ModelsAnswer(
            verdict="No model has a name yet; train runs stand for theirs as `run:<number>`.",
            total=0,
            next='list_runs(kind="train")',
        )
    shown = min(max(limit, 1), MOST)
    while True:
        answer = _answer(read_now, name, start, shown)
        if shown == 1 or answer.fits():
            return answer
        shown = shown * 9 // 10


def _answer(read: Read, name: str, start: int, most: int) -> ModelsAnswer:
    models, versions = read.models, read.versions
    shown = models[start : start + most]
    end = start + len(shown)
    first = models[0]
    follow = f'predict_rows(model="{first.label}", dataset="{first.dataset.partition("@")[0]}")'
    return ModelsAnswer(
        verdict=f"{first.name} has {counted(len(models), 'version')}."
        if name
        else f"{counted(len(models), 'model has', 'models have')} a name.",
        total=len(models),
        models=[_line(model, versions.get(model.name), read.aliases.get(model.name, {})) for model in shown],
        cursor=str(end) if end < len(models) else None,
        page=f"mlsteward://models/{first.name}" if name else None,
        next=f'list_models(name="{first.name}")' if versions.get(first.name, 1) > 1 else follow,
    )


def _line(model: Model, versions: int | None, aliases: dict[str, int]) -> ModelLine:
    score = model.metrics.get(model.metric)
    own = [alias for alias, version in aliases.items() if version == model.version]
    # Of a list of names the newest version stands for all, so where the others' aliases stand is said too.
    elsewhere = [f"{alias}@{version}" for alias, version in aliases.items() if versions and alias not in own]
    return ModelLine(
        model=model.label,
        aliases=", ".join([*own, *elsewhere]),
        task=model.task,
        target=model.target,
        dataset=model.dataset,
        score=f"{model.metric} {interval(score.value, score.low, score.high)}" if score else model.metric,
        estimator=model.estimator,
        versions=versions,
        run=model.run,
        created=f"{model.created:%Y-%m-%d %H:%M}",
    )


TOOL = Tool(list_models, title="List models", toolset="judgement", read_only=True, idempotent=True)
