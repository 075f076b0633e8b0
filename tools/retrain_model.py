"""The tool `retrain_model`."""

from pydantic import Field

from mlsteward.answer import RunFindings
from mlsteward.pipeline.outcome import StepOutcome
from mlsteward.runs.jobs.pipeline import Result
from mlsteward.runs.retrain_request import start_retrain, where_rows_come_from
from mlsteward.server.declare import Call, Tool
from mlsteward.store.models import Model, find_model
from mlsteward.store.runs import Run
from mlsteward.store.transaction import Transaction


class RetrainAnswer(RunFindings):
    outcome: str = Field(default="", description="passed, failed (schema or a gate said no), error or waiting.")
    model: str = Field(default="", description="The new version, the challenger; the old one where nothing is newer.")
    trained: str = Field(default="", description="Its held-out score.")
    drift: str = Field(default="", description="How its data differs from the old version's.")
    gates: str = ""
    page: str = ""

    def body(self) -> list[str]:
        said = {"trained": self.trained, "drift": self.drift, "gates": self.gates, "page": self.page}
        return [f"{name}: {words}" for name, words in said.items() if words]


def retrain_model(call: Call, model: str, dataset: str = "", wait_seconds: float = 20) -> RetrainAnswer:
    """Train a version's own recipe (features, split, params, seed) again on newer data, as the challenger, and judge it
    by the gates.

    Without `dataset` on the newest version of its dataset, made anew where its sources have newer rows. Columns that
    are missing or of another type stop it; changed values do not. The policy's [retrain] does it by itself.
    """
    run = start_retrain(call.workspace, call.actor, model, dataset)
    return _answer(call.wait(run, wait_seconds)) if run else _nothing_newer(call, model)


def _nothing_newer(call: Call, model: str) -> RetrainAnswer:
    def read(t: Transaction) -> tuple[Model, str]:
        found = find_model(t, model)
        return found, where_rows_come_from(t, found)

    found, source = call.workspace.store.read(read)
    return RetrainAnswer(
        verdict=f"{found.label} was trained on {found.dataset}, and there is nothing newer: it is not retrained. Newer"
        " rows are to be registered first, or `dataset` names others.",
        model=found.label,
        next=f'register_dataset(name="{source}", source="…")',
    )


def _answer(run: Run) -> RetrainAnswer:
    if run.state != "completed":
        return RetrainAnswer(
            verdict=f"{run.label} is still retraining {run.params['model']}.",
            run=run.number,
            state=run.state,
            next=run.wait_on,
        )
    result = Result.model_validate(run.result)
    steps = {step.id: step for step in result.outcome.steps}
    trained = steps["train"]
    new = str(trained.made.get("model", ""))
    stopped = result.outcome.decisive
    told = "its gates say yes." if stopped is None else f"{stopped.id}: {stopped.words}"
    verdict = f"{new} is the challenger; {told}" if new else f"Not retrained: {told}"
    promote = f'promote_model(model="{new}", reason="…")'
    return RetrainAnswer(
        verdict=verdict,
        run=run.number,
        state=run.state,
        outcome=result.outcome.state,
        model=new,
        trained=_words(trained),
        drift=_words(steps["drift"]),
        gates=_words(steps["gates"]),
        page=result.page(run),
        next=promote if new and stopped is None and steps["gates"].do == "gate" else result.next,
    )


def _words(step: StepOutcome) -> str:
    return "" if step.state == "skipped" else step.words


TOOL = Tool(retrain_model, title="Retrain a model", toolset="pipelines", read_only=False)
