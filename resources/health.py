"""The page `mlsteward://health/{dataset}`."""

from mlsteward.answer import cell, clipped, markdown_table
from mlsteward.contracts.check import CheckResult
from mlsteward.contracts.page import check_table, example_tables
from mlsteward.errors import NotFound
from mlsteward.health.pillars import PillarReport
from mlsteward.health.version import JudgedDay
from mlsteward.runs.jobs.check import Result
from mlsteward.runs.seen import seen_run
from mlsteward.server.declare import Page
from mlsteward.store.check_results import Health, StoredResult, check_history, health_history
from mlsteward.store.contracts import contract_of, seen_contract
from mlsteward.store.datasets import dataset_names, find_dataset
from mlsteward.store.transaction import Transaction
from mlsteward.workspace import Workspace

_HISTORY = 30
_RESULTS = 60
_DAYS = 35
_WORDS = 400


def health_page(workspace: Workspace, dataset: str) -> str:
    """The health of a dataset: its five pillars, its days, checks with rows that fail, and the history of checks."""
    return workspace.store.read(lambda t: _page(t, dataset))


def _page(t: Transaction, dataset: str) -> str:
    name = find_dataset(t, dataset, rows=False).name
    history = health_history(t, name, limit=_HISTORY)
    if not history:
        raise NotFound(f"{name} was never checked.", next=f'check_data(dataset="{name}")')
    newest = history[0]
    result = Result.model_validate(seen_run(t, newest.run).result)
    lines = [f"# Health of {name}", "", f"{newest.verdict} ({newest.words}, run:{newest.run})", ""]
    lines += [_pillar(report) for report in newest.pillars]
    lines += _days(result.days)
    lines += _checks(t, name, result.checks)
    lines += ["", "## Checked before", ""]
    lines += markdown_table(("checked (UTC)", "version", "run", "healthy", "pillars"), [_line(one) for one in history])
    results = [one for one in check_history(t, name, limit=_RESULTS) if not one.passed]
    if results:
        lines += ["", "## What failed, newest first", ""]
        lines += [_failed(one) for one in results]
    return "\n".join(lines) + "\n"


def _pillar(report: PillarReport) -> str:
    following = f" Next: `{report.next}`" if report.next else ""
    return f"- **{report.pillar}**: {report.state} – {report.words}.{following}"


def _failed(one: StoredResult) -> str:
    where = f"{one.created:%Y-%m-%d %H:%M}, {one.dataset}@{one.version}"
    return f"- {where}: {one.pillar}, {one.check} ({one.severity}): {clipped(one.words, _WORDS)}"


def _days(days: list[JudgedDay]) -> list[str]:
    if not days:
        return []
    rows = [
        (day.day, day.rows, round(day.expected), f"{day.low:.0f}–{day.high:.0f}", _off(day), day.why)
        for day in reversed(days[-_DAYS:])
    ]
    return ["", "## Rows per day", "", *markdown_table(("day", "rows", "expected", "range", "", "why"), rows)]


def _off(day: JudgedDay) -> str:
    if day.running:
        return "incomplete"
    return "off" if day.off else ""


def _checks(t: Transaction, name: str, checks: list[CheckResult]) -> list[str]:
    contract = contract_of(t, name)
    if not checks or contract is None:
        return []
    return [
        "",
        "## Checks of the contract",
        "",
        *check_table(seen_contract(t, contract), checks),
        *example_tables(checks),
    ]


def _line(health: Health) -> tuple[str, str, str, str, str]:
    ill = [f"{one.pillar} {one.state}" for one in health.pillars if one.state in ("failing", "warning")]
    return (
        f"{health.created:%Y-%m-%d %H:%M}",
        health.label,
        f"run:{health.run}",
        cell(health.healthy),
        ", ".join(ill) or "all well",
    )


def _names(workspace: Workspace, prefix: str) -> list[str]:
    return workspace.store.read(lambda transaction: dataset_names(transaction, prefix))


PAGES = [Page("mlsteward://health/{dataset}", health_page, title="A dataset's health", complete={"dataset": _names})]
