"""The page `mlsteward://lineage/{kind}/{name}`."""

from mlsteward.answer import counted, markdown_table, number
from mlsteward.errors import NotFound
from mlsteward.lineage.impact import downstream_words, upstream_words
from mlsteward.lineage.mermaid import mermaid
from mlsteward.lineage.tree import grow, tree_lines
from mlsteward.names import KINDS, close_names
from mlsteward.server.declare import Page
from mlsteward.store.datasets import dataset_names
from mlsteward.store.lineage_trace import Trace, trace
from mlsteward.store.models import model_names
from mlsteward.store.runs import run_numbers
from mlsteward.workspace import Workspace

_DEPTH = 20
_LINES = 400


def lineage_page(workspace: Workspace, kind: str, name: str) -> str:
    """Where an asset comes from and what was made from it: a chart, both trees, the models that depend on it."""
    if kind not in KINDS:
        raise NotFound(f"{kind!r} is no kind of asset.", close=close_names(kind, KINDS))
    workspace.runs.take_in()
    found = workspace.store.read(lambda t: trace(t, f"{kind}:{name}", "both", _DEPTH))
    lines = [f"# Lineage of {found.asset.name}", "", *_summary(found), ""]
    if found.edges:
        lines += [
            "```mermaid",
            *mermaid(found.edges, found.connected),
            "```",
        ]
    for title, walk in (("Upstream", found.upward), ("Downstream", found.downward)):
        if walk and walk.reached:
            tree, left = tree_lines(grow(walk), _LINES)
            lines += ["", f"## {title}", "", "```", *tree, "```"]
            lines += [f"{counted(left, 'more asset')} not shown."] if left else []
    if found.uses:
        headers = ("model", "use", "through", "importance", "metric", "rank", "deployments")
        rows = [
            (
                use.model,
                use.use,
                use.column,
                number(use.importance, 3),
                use.metric,
                use.rank,
                ", ".join(use.deployments),
            )
            for use in found.uses
        ]
        lines += ["", "## Models that depend on it", "", *markdown_table(headers, rows)]
    return "\n".join(lines) + "\n"


def _summary(found: Trace) -> list[str]:
    lines = [f"- owner: {found.owner}"] if found.owner else []
    if found.upward:
        lines.append(f"- {upstream_words(found.upward)}")
    if found.downward:
        lines.append(f"- {downstream_words(found.downward, found.uses)}")
    lines += [f"- {words}" for words in found.aliases]
    return lines + [f"- {one.words}: `{one.remedy}`" for one in found.stale]


def _kinds(workspace: Workspace, prefix: str) -> list[str]:
    return [kind for kind in KINDS if kind.startswith(prefix)]


def _names(workspace: Workspace, prefix: str) -> list[str]:
    return workspace.store.read(
        lambda t: [*dataset_names(t, prefix), *model_names(t, prefix), *run_numbers(t, prefix)][:100]
    )


PAGES = [
    Page(
        "mlsteward://lineage/{kind}/{name}",
        lineage_page,
        title="The lineage of an asset",
        complete={"kind": _kinds, "name": _names},
    )
]
