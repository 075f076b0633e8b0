"""The work behind `set_contract`: checks tried once on a version, and made its dataset's contract."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mlsteward.answer import counted
from mlsteward.contracts.basis import Basis
from mlsteward.contracts.check import CheckResult, Contract, broken
from mlsteward.contracts.compose import Asked, compose
from mlsteward.contracts.order import CheckOrder
from mlsteward.contracts.text import check_text
from mlsteward.errors import UnusableData
from mlsteward.record import Record
from mlsteward.runs.job import Job

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from mlsteward.contracts.propose import Proposal
    from mlsteward.store.runs import Run
    from mlsteward.store.transaction import Transaction

PAGE = "contract.md"
_MEMORY_MB = 1024
_SHOWN = 12
_LEFT_OUT = 6


class Request(Record):
    """A version, and the checks to try on it.

    The contract of `order` has the checks that were written out, and `current` is the one in force. Proposals are
    derived from `basis`. `held` says that the version is kept aside; `save`, that the checks are to be the contract.
    What is `masked` for the caller shows in nothing.
    """

    dataset: str
    snapshot: str
    order: CheckOrder
    asked: Asked
    current: Contract | None = None
    basis: Basis | None = None
    held: bool = False
    save: bool = False
    masked: list[str] = []


class Result(Record):
    """The checks as tried; `why` says, by name, what a proposed one was derived from."""

    verdict: str
    next: str
    dataset: str
    contract: Contract
    checks: list[CheckResult]
    why: dict[str, str] = {}
    left_out: list[str] = []
    saved: bool = False
    released: bool = False

    def text_of(self, name: str) -> str:
        """A check as it is written in a call; what every contract checks has none."""
        return next((check_text(check) for check in self.contract.checks if check.name == name), name)

    def ordered(self) -> list[CheckResult]:
        """Those that failed first, the gravest before the rest."""
        return sorted(self.checks, key=lambda one: (one.passed, "error warning info".index(one.severity)))

    def findings(self, run: "Run") -> list[str]:
        return result_lines(self, self.ordered()[:_SHOWN])


def result_lines(result: Result, shown: Sequence[CheckResult]) -> list[str]:
    """What failed, each with one row; what each proposal was derived from; and the other checks that hold."""
    lines: list[str] = []
    for one in shown:
        text = result.text_of(one.check)
        if not one.passed:
            lines.append(f"FAILS: {text}: {one.words}")
            lines += [f"    {', '.join(f'{name} {value}' for name, value in row.items())}" for row in one.examples[:1]]
        elif one.check in result.why:
            lines.append(f"{text} ({result.why[one.check]})")
    holding = [result.text_of(one.check) for one in shown if one.passed and one.check not in result.why]
    lines += [f"hold: {'; '.join(holding)}"] if holding else []
    more = len(result.checks) - len(shown)
    lines += [f"and {counted(more, 'more check')}"] if more else []
    return lines + [f"left out: {words}" for words in result.left_out[:_LEFT_OUT]]


def work(request: Request, job: Job) -> Result:
    """Derive what is to be proposed, put the contract together, and run it on the version."""
    from mlsteward.contracts.page import trial_page
    from mlsteward.contracts.run import run_checks
    from mlsteward.data.engine import connect

    file = job.workspace / request.snapshot
    if not file.is_file():
        raise UnusableData(f"The rows of {request.dataset} are gone.", next="list_datasets()")
    scratch = job.folder / "temp"
    with connect(memory_mb=min(_MEMORY_MB, job.memory_mb // 2), temp=scratch) as connection:
        proposals, left_out = _proposals(connection, request, job)
        current = request.current.checks if request.current else []
        checks = compose(request.asked, current, [one.check for one in proposals], request.order.contract.checks)
        # One that a person wrote in the place of a proposal is no proposal.
        whys = {one.check.name: one.why for one in proposals if one.check in checks}
        contract = request.order.contract.model_copy(update={"checks": checks})
        job.progress(0.5, "running the checks")
        order = request.order.model_copy(update={"contract": contract})
        results = run_checks(connection, file, order, datetime.now(UTC), scratch / "checks")
    # A proposal that does not even hold now is none.
    failing = {one.check: one.words for one in results if not one.passed and one.check in whys}
    left_out += [f"{name}: {words}" for name, words in failing.items()]
    checks = [check for check in checks if check.name not in failing]
    results = [one for one in results if one.check not in failing]
    _refuse_unusable(contract.dataset, results)
    result = Result(
        verdict="",
        next="",
        dataset=request.dataset,
        contract=contract.model_copy(update={"checks": checks}),
        checks=results,
        why={name: why for name, why in whys.items() if name not in failing},
        left_out=left_out,
        saved=request.save,
        released=request.save and request.held and not (contract.mode == "block" and broken(results)),
    )
    result = result.model_copy(update={"verdict": _verdict(request, result), "next": _next(request, result)})
    (job.artifacts / PAGE).write_text(
        trial_page(result.verdict, result.contract, results, result.why, left_out), "utf-8"
    )
    return result


def record(transaction: "Transaction", run: "Run", result: Result, folder: Path) -> None:
    """The contract, the results of its checks, and the version that it lets through."""
    from mlsteward.runs.judged_version import record_judgement
    from mlsteward.runs.new_version import release
    from mlsteward.store.activity import add_activity
    from mlsteward.store.contracts import save_contract
    from mlsteward.store.datasets import find_dataset

    if not result.saved:
        return
    save_contract(transaction, result.contract, run.actor, run=run.number)
    version = find_dataset(transaction.whole, result.dataset)
    if result.released and version.held:
        release(transaction.whole, version, folder.parent, run.actor)
    record_judgement(transaction, version, result.checks, "" if result.released else version.held, run.number)
    add_activity(
        transaction,
        actor=run.actor,
        client=run.client,
        action="set_contract",
        asset=f"dataset:{version.name if not result.released else version.label}",
        why=run.reason,
        run=run.number,
    )


def _proposals(connection: "DuckDBPyConnection", request: Request, job: Job) -> tuple[list["Proposal"], list[str]]:
    from mlsteward.contracts.held_out import propose_steady
    from mlsteward.contracts.values import count_values

    if request.basis is None or not request.asked.proposed:
        return [], []
    job.progress(0.1, "looking at earlier versions")
    files = [seen.model_copy(update={"file": str(job.workspace / seen.file)}) for seen in request.basis.versions]
    basis = request.basis.model_copy(update={"versions": files})
    return propose_steady(basis, count_values(connection, basis))


def _refuse_unusable(dataset: str, results: Sequence[CheckResult]) -> None:
    wrong = [f"`{one.expected}`: {one.error}" for one in results if one.error]
    if wrong:
        more = f" And {len(wrong) - 3} more." if len(wrong) > 3 else ""
        following = f'set_contract(dataset="{dataset}", checks=["current"], dry_run=True)'
        raise UnusableData(f"Nothing was saved. {'; '.join(wrong[:3])}.{more}", next=following)


def _verdict(request: Request, result: Result) -> str:
    failed = sum(not one.passed for one in result.checks)
    tried = f"{len(result.checks) - failed} of {counted(len(result.checks), 'check')} hold on {request.dataset}"
    name, mode = result.contract.dataset, result.contract.mode
    if not request.save:
        what = "Proposed for" if request.asked.proposed else "Tried on"
        return f"{what} {name}, not saved: {tried}."
    words = f"Saved the contract of {name} (mode {mode}): {tried}."
    if request.held:
        words += f" {request.dataset} is released." if result.released else f" {request.dataset} stays kept aside."
    return words


def _next(request: Request, result: Result) -> str:
    name = result.contract.dataset
    if request.save:
        return f'read_page(uri="mlsteward://contracts/{name}")'
    if request.asked.proposed and not request.asked.texts:
        return f'set_contract(dataset="{request.dataset if request.held else name}", checks=["proposed"])'
    return f'set_contract(dataset="{request.dataset if request.held else name}", checks=[…], dry_run=False)'
