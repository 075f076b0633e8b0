"""What a walk means: which models, datasets and deployments would feel a change, and what something was made from."""

from collections.abc import Sequence

from pydantic import Field

from mlsteward.answer import clipped, counted, number
from mlsteward.lineage.edge import COLUMN, SOURCE, Edge, table_of
from mlsteward.lineage.graph import Walk
from mlsteward.lineage.tree import edge_words
from mlsteward.record import Record

_NAMED = 3
_LONGEST = 200


class ModelUse(Record):
    """How a model depends on what was asked for."""

    model: str
    use: str = Field(description="feature, target, rows (it decides which), training data")
    column: str = Field(default="", description="The feature or target through which it is used.")
    importance: float | None = None
    metric: str = ""
    rank: int | None = None
    deployments: list[str] = []

    def words(self) -> str:
        name = self.model.removeprefix("model:")
        if self.importance is not None:
            return f"{name}: importance {number(self.importance, 2)}, rank {self.rank}"
        return f"{name}: {self.use}"


def model_uses(walk: Walk) -> list[ModelUse]:
    """The models downstream, those that lean most on it first; of each its most telling use."""
    found: dict[str, ModelUse] = {}
    for edge in walk.edges:
        use = _use(edge, walk)
        if use and (use.model not in found or _weight(use) > _weight(found[use.model])):
            found[use.model] = use
    for edge in walk.edges:
        if edge.source in found and edge.target.startswith("deployment:"):
            found[edge.source].deployments.append(edge.target)
    return sorted(found.values(), key=_weight, reverse=True)


def _use(edge: Edge, walk: Walk) -> ModelUse | None:
    if edge.kind not in ("feature", "target", "train") or edge.target not in walk.distance:
        return None
    if edge.kind == "train":
        is_column = all(asset.startswith(COLUMN) for asset in walk.start)
        return ModelUse(model=edge.target, use="rows" if is_column else "training data", column="")
    return ModelUse(
        model=edge.target,
        use=edge.kind,
        column=edge.source.removeprefix(COLUMN),
        importance=edge.detail.get("importance"),
        metric=edge.detail.get("metric", ""),
        rank=edge.detail.get("rank"),
    )


def _weight(use: ModelUse) -> tuple[int, float]:
    order = ("rows", "training data", "feature", "target").index(use.use)
    return order + (use.importance is not None), use.importance or 0.0


def of_kind(assets: Sequence[str], kind: str) -> list[str]:
    """Those of a kind, by name and without its prefix."""
    return [asset.removeprefix(f"{kind}:") for asset in assets if asset.startswith(f"{kind}:")]


def downstream_words(walk: Walk, uses: Sequence[ModelUse]) -> str:
    """`feeds 2 models (delay@2: importance 0.21, rank 1; delay@1: target) and 1 dataset`."""
    parts: list[str] = []
    if uses:
        listed = "; ".join(use.words() for use in uses[:_NAMED])
        parts.append(f"{counted(len(uses), 'model')} ({listed}{_more(len(uses))})")
    for kind in ("deployment", "dataset", "run", "alert"):
        names = _elsewhere(walk, kind)
        if names and kind in ("deployment", "dataset"):
            parts.append(f"{counted(len(names), kind)} ({', '.join(names[:_NAMED])}{_more(len(names))})")
        elif names:
            parts.append(counted(len(names), kind))
    if not parts:
        return "feeds nothing that is recorded"
    return f"feeds {', '.join(parts[:-1])}{' and ' if parts[1:] else ''}{parts[-1]}"


def _elsewhere(walk: Walk, kind: str) -> list[str]:
    """The assets of a kind that were reached, a dataset too when only its columns were, the nearest first."""
    own = {table_of(asset) for asset in walk.start if asset.startswith(COLUMN)} | set(walk.start)
    whole = [table_of(asset) if asset.startswith(COLUMN) else asset for asset in walk.reached]
    return of_kind([asset for asset in dict.fromkeys(whole) if asset not in own], kind)


def upstream_words(walk: Walk) -> str:
    """`comes from flights@3.dep_delay, read from sample:flights`, or `is read from sample:flights`."""
    sources = [asset.removeprefix(SOURCE) for asset in walk.reached if asset.startswith(SOURCE)]
    deciding = {edge.source for edge in walk.edges if edge.detail.get("type") == "INDIRECT"}
    near = [asset for asset in walk.reached if walk.distance[asset] == 1 and not asset.startswith(SOURCE)]
    # What only decides which rows there are says less than what the values are made of.
    near.sort(key=lambda asset: asset in deciding)
    names = [asset.partition(":")[2] if not asset.startswith("run:") else asset for asset in near]
    read = f"read from {', '.join(sources[:_NAMED])}{_more(len(sources))}" if sources else ""
    if not names:
        return f"is {read}" if read else "comes from nothing that is recorded"
    made = f"comes from {', '.join(names[:_NAMED])}{_more(len(names))}"
    return f"{made}, {read}" if read else made


def _more(count: int) -> str:
    return f" and {count - _NAMED} more" if count > _NAMED else ""


def path_words(edges: Sequence[Edge], most: int) -> list[str]:
    """A way, step by step; of a long one `most` steps, half of them from its end."""
    if len(edges) > most:
        half = most // 2
        between = f"… {counted(len(edges) - 2 * half, 'step')} between"
        return [*path_words(edges[:half], half), between, *path_words(edges[-half:], half)]
    return [clipped(f"{edge.source} → {edge.target} ({edge_words([edge])})", _LONGEST) for edge in edges]
