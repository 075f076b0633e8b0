"""The tool `package_model`."""

from mlsteward.answer import RunFindings
from mlsteward.runs.jobs.package import Request, Result, Target
from mlsteward.runs.model_use import check_model_use
from mlsteward.server.declare import Call, Tool
from mlsteward.store.datasets import find_dataset
from mlsteward.store.masking import inherited
from mlsteward.store.models import find_model
from mlsteward.store.transaction import Transaction


class PackageAnswer(RunFindings):
    model: str
    folder: str = ""
    files: int = 0
    megabytes: float = 0.0


def package_model(call: Call, model: str, target: Target, wait_seconds: float = 20) -> PackageAnswer:
    """Write a model as a folder that runs without this server: `docker` (image and Kubernetes manifest of an endpoint),
    `mlflow` (its format, no pickle) or `onnx` (refused unless it scores real rows as the model does).
    """

    def read(t: Transaction) -> Request:
        found = find_model(t, model)
        check_model_use(t.masks, found)
        rows = find_dataset(t.whole, found.dataset, rows=False)
        return Request(
            model=found.label,
            target=target,
            path=found.path,
            sha256=found.sha256,
            dataset=found.dataset,
            snapshot=rows.snapshot,
            metrics={name: score.value for name, score in found.metrics.items()},
            masked=t.masks.within([found.dataset]),
            secret=[column.name for column in found.signature if column.name in inherited(t, found.dataset)],
        )

    request = call.workspace.store.read(read)
    number = call.workspace.runs.start(
        "package", request, actor=call.actor, name=request.model, dataset=request.dataset, params={"target": target}
    )
    run = call.wait(number, wait_seconds)
    if run.state != "completed":
        return PackageAnswer(
            verdict=f"{run.label} is still packaging.",
            run=run.number,
            state=run.state,
            model=request.model,
            next=run.wait_on,
        )
    result = Result.model_validate(run.result)
    return PackageAnswer(
        verdict=result.verdict,
        run=run.number,
        state=run.state,
        model=request.model,
        folder=str(call.workspace.folder / result.folder),
        files=result.files,
        megabytes=result.megabytes,
        findings=result.findings(run),
        next=result.next,
    )


TOOL = Tool(package_model, title="Package a model to run elsewhere", toolset="operations", read_only=False)
