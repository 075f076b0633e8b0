"""The picture behind `trace_lineage`."""

from pathlib import Path
from typing import TYPE_CHECKING

from mlsteward.answer import counted
from mlsteward.lineage.edge import Edge
from mlsteward.record import Record
from mlsteward.runs.job import Job

if TYPE_CHECKING:
    from mlsteward.store.runs import Run
    from mlsteward.store.transaction import Transaction

PICTURE = "lineage.png"


class Request(Record):
    """What to draw; `marked` assets stand out."""

    title: str
    marked: list[str] = []
    edges: list[Edge]


class Result(Record):
    """`verdict` and `next` are what `get_run` says of the run."""

    verdict: str
    next: str
    assets: int
    left_out: int

    def findings(self, run: "Run") -> list[str]:
        return [f"picture: mlsteward://runs/{run.number}/artifacts/{PICTURE}"]


def work(request: Request, job: Job) -> Result:
    """Lay the assets out in layers and draw them."""
    from mlsteward.lineage.layout import lay_out
    from mlsteward.lineage.plot import draw

    layout = lay_out(request.edges, request.marked)
    draw(layout, request.title, job.artifacts / PICTURE)
    left = f"; {layout.left_out} more are not drawn" if layout.left_out else ""
    return Result(
        verdict=f"The lineage of {request.title} is drawn, with {counted(len(layout.places), 'asset')}{left}.",
        next=f'trace_lineage(asset="{request.title}")',
        assets=len(layout.places),
        left_out=layout.left_out,
    )


def record(transaction: "Transaction", run: "Run", result: Result, folder: Path) -> None:
    """The picture is the run's artifact; nothing else changes."""
