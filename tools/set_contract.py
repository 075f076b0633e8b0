"""The tool `set_contract`."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from mlsteward.answer import RunFindings
from mlsteward.contracts.check import CheckResult, Contract
from mlsteward.contracts.compose import read_asked
from mlsteward.data.sql.statement import Statement
from mlsteward.errors import NotFound, NotSupported, Refused, naming
from mlsteward.record import Record
from mlsteward.runs.contract_request import contract_request
from mlsteward.runs.jobs.contract import PAGE, Request, Result, result_lines
from mlsteward.server.declare import Call, Tool
from mlsteward.store.contracts import contract_of, save_contract
from mlsteward.store.datasets import find_dataset
from mlsteward.store.runs import Run
from mlsteward.store.transaction import Transaction

_LEFT_OUT = 6


class TriedCheck(Record):
    check: str = Field(description="As it is written in a call.")
    holds: bool
    found: str | None = Field(default=None, description="Of one that fails.")
    why: str | None = Field(default=None, description="What a proposal was derived from.")
    rows: list[dict[str, str]] | None = Field(default=None, description="Rows that fail.")


class ContractAnswer(RunFindings):
    dataset: str = Field(default="", description="The version that the checks were tried on.")
    mode: str = ""
    saved: bool = False
    checks: list[TriedCheck] = Field(default_factory=list[TriedCheck], description="Those that fail first.")
    total: int = 0
    failed: int = 0
    left_out: list[str] = Field(default_factory=list[str], description="Proposals that were dropped, and why.")
    page: str = Field(default="", description="All of them: read_page(uri=page).")


def set_contract(
    call: Call,
    dataset: str,
    checks: list[str] = [],
    mode: Literal["", "warn", "block"] = "",
    dry_run: bool = False,
    wait_seconds: float = 20,
) -> ContractAnswer:
    """Try checks on a dataset and make them its contract, which new versions are held to.

    Without checks it proposes some and saves nothing. A check: "rows >= 9", "nulls(x) <= 5%", "unique(a, b)",
    "x in (A, B)", "x between 0 and 9", "x matches /re/", "x -> other.x >= 99%", "freshness(t) <= 2 days",
    "sql: SELECT bad rows", each with " !warning" at will. "proposed", "current": those; "- name": less one; "none":
    drop it. block keeps aside versions with errors; flights@4 judges such a one anew.
    """
    workspace = call.workspace
    asked = read_asked(checks)
    if asked.none:
        return _drop(call, dataset)

    def read(transaction: Transaction) -> Request:
        return contract_request(
            transaction,
            workspace.folder,
            dataset,
            asked,
            mode=mode,
            save=any(line.strip() for line in checks) and not dry_run,
        )

    with naming(dataset=dataset):
        request = workspace.store.read(read)
    _check_sql(call, request)
    run = workspace.runs.start(
        "contract",
        request,
        actor=call.actor,
        name=request.order.contract.dataset,
        dataset=request.dataset,
        params={"checks": len(checks), "mode": request.order.contract.mode, "saved": request.save},
    )
    return _answer(call.wait(run, wait_seconds))


def _check_sql(call: Call, request: Request) -> None:
    """What is wrong with a statement is said now, not by a failed run."""
    contract = request.order.contract
    own = call.workspace.folder / request.snapshot
    tables = {contract.dataset: own} | {name: Path(path) for name, path in request.order.tables.items()}

    def find(statement: Statement) -> dict[str, Path]:
        if statement.metadata:
            raise NotSupported(f"A check looks at rows of datasets; {statement.metadata[0]} has none.")
        for table in statement.datasets:
            if table not in tables:
                raise NotFound(f"There is no dataset {table!r}.", next="list_datasets()")
        hidden = call.workspace.store.read(lambda transaction: transaction.masks.within(statement.datasets))
        if hidden:
            words = f"SQL of a check sees all values, and some are masked for your clearance: {', '.join(hidden[:5])}."
            raise Refused(words)
        return tables

    for check in [*contract.checks, *(request.current.checks if request.current else ())]:
        if check.type == "sql":
            call.workspace.queries.query(check.sql, find, limit=0)


def _drop(call: Call, dataset: str) -> ContractAnswer:
    def drop(transaction: Transaction) -> Contract:
        version = find_dataset(transaction, dataset)
        contract = contract_of(transaction, version.name)
        if contract is None:
            raise NotFound(f"{version.name} has no contract.", next=f'set_contract(dataset="{version.name}")')
        return save_contract(transaction, contract, call.actor.name, dropped=True)

    dropped = call.change(drop, asset=f"dataset:{dataset.partition('@')[0]}", why="contract dropped")
    return ContractAnswer(
        verdict=f"{dropped.dataset} has no contract any more; its versions stay on its page.",
        dataset=dropped.dataset,
        page=f"mlsteward://contracts/{dropped.dataset}",
        next=f'set_contract(dataset="{dropped.dataset}")',
    )


def _answer(run: Run) -> ContractAnswer:
    if run.state != "completed":
        verdict = f"{run.label} is still trying the checks of {run.name}."
        return ContractAnswer(verdict=verdict, run=run.number, state=run.state, next=run.wait_on)
    result = Result.model_validate(run.result)
    ordered = result.ordered()
    shown = len(ordered)
    while True:
        answer = ContractAnswer(
            verdict=result.verdict,
            run=run.number,
            state=run.state,
            dataset=result.dataset,
            mode=result.contract.mode,
            saved=result.saved,
            checks=[_tried(result, one) for one in ordered[:shown]],
            total=len(ordered),
            failed=sum(not one.passed for one in ordered),
            left_out=result.left_out[:_LEFT_OUT],
            page=f"mlsteward://runs/{run.number}/artifacts/{PAGE}",
            findings=result_lines(result, ordered[:shown]),
            next=result.next,
        )
        if shown <= 1 or answer.fits():
            return answer
        shown = shown * 4 // 5


def _tried(result: Result, one: CheckResult) -> TriedCheck:
    return TriedCheck(
        check=result.text_of(one.check),
        holds=one.passed,
        found=None if one.passed else one.words,
        why=result.why.get(one.check),
        rows=one.examples[:2] or None,
    )


TOOL = Tool(set_contract, title="Set a data contract", toolset="contracts", read_only=False)
