"""The gates behind `promote_model`: a model is judged by the policy, and an alias moved to it where that may be."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mlsteward.contracts.order import CheckOrder
from mlsteward.data.snapshot import Column
from mlsteward.gates.lineage import Origin
from mlsteward.gates.policy import ApprovalRules
from mlsteward.gates.result import GateResult
from mlsteward.gates.rules import Gates
from mlsteward.gates.verdict import blocking, gate_words
from mlsteward.record import Record
from mlsteward.runs.job import Job
from mlsteward.runs.judged_model import JudgedModel
from mlsteward.store.models import Score
from mlsteward.training.signature import ImportanceRow

if TYPE_CHECKING:
    from mlsteward.store.runs import Run
    from mlsteward.store.transaction import Transaction

PAGE = "gates.md"
Outcome = Literal["passed", "refused", "promoted", "waiting", "stale"]
_ORDER = ("failed", "not comparable", "cannot tell", "warned", "passed", "not applicable")


class Incumbent(Record):
    """The model that the alias stands on; `unlike` says why the two cannot be compared, "" where they can."""

    model: JudgedModel
    unlike: str = ""


class Live(Record):
    """Where rows like those that the model meets now are found: endpoints of its name, else a newer version."""

    deployments: list[str] = []
    dataset: str = ""
    snapshot: str = ""
    columns: list[Column] = []


class Request(Record):
    """A model, the alias it is to get, and all that its gates need besides what workers can read.

    `standing` is the version that the alias stands on, and `holds` says that it is this one. Without `rules` no gate
    guards the alias. The rows are those that the model was trained on, `snapshot` "" where they were given up. Values
    of the columns `hidden` are named in no result, nor are those of `masked`. `difference` is the model's
    metric less that of the linear model, `later` its features that are known too late, `questions` what its training
    asked and nobody answered.
    """

    model: JudgedModel
    run: int
    name: str
    alias: str
    dry_run: bool = False
    standing: int | None = None
    holds: bool = False
    rules: Gates | None = None
    approval: ApprovalRules = ApprovalRules()
    incumbent: Incumbent | None = None
    dataset: str = ""
    snapshot: str = ""
    source_hash: str = ""
    reference: bool = False
    fingerprint: str = ""
    columns: list[Column] = []
    extra: list[str] = []
    hidden: list[str] = []
    masked: list[str] = []
    contract: CheckOrder | None = None
    metrics: dict[str, Score] = {}
    difference: Score | None = None
    origin: Origin
    importance: list[ImportanceRow] = []
    later: list[str] = []
    questions: list[str] = []
    live: Live = Live()
    seed: int = 0


class Result(Record):
    """What the gates found, and what became of it.

    `model` is its label, which changes with the promotion where it had no name, and `run` the run that trained it.
    `champion` is the label of the model that the alias stood on when the gates ran, and `standing` its version;
    `held` says that this was the model itself.
    """

    verdict: str
    next: str
    model: str
    run: int
    name: str
    alias: str
    champion: str = ""
    standing: int | None = None
    held: bool = False
    dry_run: bool = False
    outcome: Outcome
    gates: list[GateResult] = []
    approval: ApprovalRules = ApprovalRules()

    @property
    def failing(self) -> list[str]:
        """The gates that refuse."""
        return blocking(self.gates)

    @property
    def summary(self) -> str:
        """`11 of 12 gates passed, 1 warned (cost)`."""
        return gate_words(self.gates)

    def ranked(self) -> list[GateResult]:
        """The gates, those that refuse first, then the others that did not pass."""
        return sorted(self.gates, key=lambda one: (not one.blocks, _ORDER.index(one.outcome)))

    def findings(self, run: "Run") -> list[str]:
        lines = [f"{one.gate} {one.outcome}{' (refuses)' if one.blocks else ''}: {one.words}" for one in self.ranked()]
        return [*lines, f"page: mlsteward://runs/{run.number}/artifacts/{PAGE}"] if self.gates else []


def work(request: Request, job: Job) -> Result:
    """Look at every gate that is on; nothing is promoted here."""
    from mlsteward.gates.page import gates_page
    from mlsteward.runs.gate_bench import run_gates

    gates = run_gates(request, job, request.rules) if request.rules and not request.holds else []
    champion = request.incumbent.model.label if request.incumbent else ""
    result = Result(
        verdict="",
        next="",
        model=request.model.label,
        run=request.run,
        name=request.name,
        alias=request.alias,
        champion=champion,
        standing=request.standing,
        held=request.holds,
        dry_run=request.dry_run,
        outcome="refused" if blocking(gates) else "passed",
        gates=gates,
        approval=request.approval,
    )
    if gates:
        page = gates_page(request.model.label, request.alias, gates)
        (job.artifacts / PAGE).write_text(page, encoding="utf-8")
    return result


def record(transaction: "Transaction", run: "Run", result: Result, folder: Path) -> None:
    """Keep the evidence; then promote, refuse or ask a person, in the transaction that completes the run."""
    from mlsteward.runs.promotion import conclude

    conclude(transaction, run, result)


def granted(transaction: "Transaction", run: "Run", result: Result) -> None:
    """A person has allowed it: promote. Raises Refused where the alias has moved since."""
    from mlsteward.runs.promotion import promote_granted

    promote_granted(transaction, run, result)
