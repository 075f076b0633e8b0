"""The tool `trace_lineage`."""

import base64
from collections.abc import Callable
from typing import Literal

from pydantic import Field

from mlsteward.answer import Answer, counted
from mlsteward.errors import InvalidArgument
from mlsteward.lineage.graph import Walk
from mlsteward.lineage.impact import ModelUse, downstream_words, of_kind, path_words, upstream_words
from mlsteward.lineage.mermaid import mermaid
from mlsteward.lineage.tree import grow, tree_lines
from mlsteward.runs.jobs.lineage import PICTURE, Request
from mlsteward.server.declare import Call, Tool
from mlsteward.store.lineage import path_of
from mlsteward.store.lineage_assets import find_traced
from mlsteward.store.lineage_trace import Trace, trace
from mlsteward.store.runs import same_run
from mlsteward.store.transaction import Transaction

DEEPEST = 50
_FARTHEST = 200
_LINES = 40
_STEPS = 20
_MODELS = 12
_WAIT_SECONDS = 20.0


class LineageAnswer(Answer):
    asset: str
    upstream_total: int = 0
    downstream_total: int = 0
    upstream: list[str] = Field(default_factory=list[str], description="What it was made from, as a tree.")
    downstream: list[str] = Field(default_factory=list[str], description="What was made from it, as a tree.")
    path: list[str] = Field(default_factory=list[str])
    models: list[ModelUse] = Field(default_factory=list[ModelUse])
    owner: str = ""
    aliases: list[str] = Field(default_factory=list[str])
    stale: list[str] = Field(default_factory=list[str])
    chart: list[str] = Field(default_factory=list[str], description="Lines of a Mermaid flowchart.")
    left_out: int = Field(default=0, description="Assets that did not fit here; the page has more.")
    deeper: bool = Field(default=False, description="The graph goes on beyond depth.")
    page: str = ""
    picture: str = Field(default="", exclude=True)

    def body(self) -> list[str]:
        return [
            *self.stale,
            "; ".join(self.aliases),
            *self.path,
            *([f"upstream ({self.upstream_total}):", *self.upstream] if self.upstream else []),
            *([f"downstream ({self.downstream_total}):", *self.downstream] if self.downstream else []),
            *(["```mermaid", *self.chart, "```"] if self.chart else []),
            f"{self.left_out} more do not fit here" if self.left_out else "",
            "the graph goes on: ask for a greater depth" if self.deeper else "",
            f"page: {self.page}" if self.page else "",
        ]

    def images(self) -> list[str]:
        return [self.picture] if self.picture else []


def trace_lineage(
    call: Call,
    asset: str,
    direction: Literal["both", "upstream", "downstream"] = "both",
    depth: int = 5,
    to: str = "",
    view: Literal["tree", "mermaid", "png"] = "tree",
) -> LineageAnswer:
    """What was it made from, and what breaks if it changes: sources, datasets, columns, runs, models, deployments.

    `asset` as `flights.dep_delay`, `dataset:flights@3`, `model:delay@2` or `run:142`; without a version, all versions
    count. Of a column also the models that use it, with its importance, and its owner. `to` asks for the way to another
    asset.
    """
    if not 1 <= depth <= DEEPEST:
        raise InvalidArgument(f"depth is 1 to {DEEPEST}, not {depth}.")
    call.workspace.runs.take_in()
    if to:
        return _way(call, asset, to)
    found = call.workspace.store.read(lambda t: trace(t, asset, direction, depth))
    if view == "png":
        return _answer(found, 0).model_copy(update={"picture": _drawn(call, found)})
    return _fitting(found, _charted if view == "mermaid" else _answer)


def _fitting(found: Trace, answer_with: Callable[[Trace, int], LineageAnswer]) -> LineageAnswer:
    """The answer with as many lines as there is room for."""
    most = _LINES
    while True:
        answer = answer_with(found, most)
        if most <= 2 or answer.fits():
            return answer
        most = most * 3 // 4


def _charted(found: Trace, most: int) -> LineageAnswer:
    return _answer(found, 0).model_copy(update={"chart": mermaid(found.edges, found.connected, most=most)})


def _answer(found: Trace, most: int) -> LineageAnswer:
    """The answer with at most so many lines of each tree."""
    said: list[str] = []
    if found.upward:
        said.append(upstream_words(found.upward))
    if found.downward:
        said.append(downstream_words(found.downward, found.uses))
    owner = f"; owner {found.owner}" if found.owner else ""
    upstream, left_up = _lines(found.upward, most)
    downstream, left_down = _lines(found.downward, most)
    return LineageAnswer(
        verdict=f"{found.asset.name} {' and '.join(said)}{owner}.",
        asset=found.asset.name,
        upstream_total=len(found.upward.reached) if found.upward else 0,
        downstream_total=len(found.downward.reached) if found.downward else 0,
        upstream=upstream,
        downstream=downstream,
        models=found.uses[:_MODELS],
        owner=found.owner,
        aliases=found.aliases[:_MODELS],
        stale=[one.words for one in found.stale[:_MODELS]],
        left_out=left_up + left_down,
        deeper=any(walk.cut for walk in found.walks),
        page=found.page,
        next=_next(found),
    )


def _lines(walk: Walk | None, most: int) -> tuple[list[str], int]:
    return tree_lines(grow(walk), most) if walk and most else ([], 0)


def _next(found: Trace) -> str:
    if found.stale:
        return found.stale[0].remedy
    if found.uses:
        return f'explain_model(model="{found.uses[0].model.removeprefix("model:")}")'
    if found.asset.newest:
        return f'lookup_data_dictionary(dataset="{found.asset.newest.name}")'
    models = of_kind([found.asset.name], "model")
    return f'explain_model(model="{models[0]}")' if models else "list_datasets()"


def _way(call: Call, asset: str, to: str) -> LineageAnswer:
    def read(t: Transaction) -> LineageAnswer:
        start, goal = find_traced(t, asset), find_traced(t, to)
        edges = path_of(t, start.downward, goal.downward, depth=_FARTHEST)
        if not edges:
            return LineageAnswer(
                verdict=f"No way leads from {start.name} to {goal.name} in the recorded lineage.",
                asset=start.name,
                next=f'trace_lineage(asset="{start.name}")',
            )
        return LineageAnswer(
            verdict=f"{edges[0].source} leads to {edges[-1].target} in {counted(len(edges), 'step')}.",
            asset=start.name,
            path=path_words(edges, _STEPS),
            next=f'trace_lineage(asset="{goal.name}", direction="upstream")',
        )

    return call.workspace.store.read(read)


def _drawn(call: Call, found: Trace) -> str:
    """The picture, made by a worker unless one of these very edges is there."""
    request = Request(title=found.asset.name, marked=found.connected, edges=found.edges)
    params = {"asset": found.asset.name, "picture": found.fingerprint}
    number = call.workspace.store.read(lambda t: same_run(t, "lineage", params))
    if not number:
        number = call.workspace.runs.start("lineage", request, actor=call.actor, name=found.asset.name, params=params)
    call.wait(number, _WAIT_SECONDS)
    file = call.workspace.runs.folder(number) / "artifacts" / PICTURE
    return base64.b64encode(file.read_bytes()).decode() if file.is_file() else ""


TOOL = Tool(trace_lineage, title="Trace lineage", toolset="lineage", read_only=True, idempotent=True)
