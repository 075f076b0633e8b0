"""A new version and the contract of its dataset: judged by the worker, kept aside or released by the server."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mlsteward.answer import clipped, counted
from mlsteward.contracts.check import CheckResult, broken
from mlsteward.contracts.order import CheckOrder
from mlsteward.contracts.run import run_checks
from mlsteward.data.snapshot import Draft, Snapshot
from mlsteward.dictionary.entry import Entry
from mlsteward.dictionary.sensitivity import exceeds
from mlsteward.record import Record
from mlsteward.runs.job import Job
from mlsteward.store.alerts import HELD, Finding, raise_alerts, settle_alerts
from mlsteward.store.check_results import record_checks
from mlsteward.store.datasets import DatasetVersion, newest_version, versions_of
from mlsteward.store.transaction import Transaction

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_SHOWN = 5
_LINE = 180
_CELLS = 6


def judge_version(
    connection: "DuckDBPyConnection", draft: Draft, order: CheckOrder | None, entries: Sequence[Entry], job: Job
) -> list[CheckResult]:
    """What the contract says of rows that are not a version yet. `entries` tell which new columns are sensitive."""
    if order is None:
        return []
    job.progress(0.9, "checking the contract")
    new = [entry.column for entry in entries if entry.column and exceeds(entry.sensitivity, "internal")]
    masked = list(dict.fromkeys([*order.masked, *new]))
    sensitive = [*order.sensitive, *([order.contract.dataset] if new else [])]
    order = order.model_copy(update={"masked": masked, "sensitive": sensitive, "finite": not draft.snapshot.reference})
    return run_checks(connection, draft.file, order, datetime.now(UTC), job.folder / "temp" / "checks")


def why_held(order: CheckOrder | None, results: Sequence[CheckResult]) -> str:
    """Why a version is to be kept aside, "" for one that is not."""
    faults = broken(results)
    if order is None or order.contract.mode != "block" or not faults:
        return ""
    named = "; ".join(f"{fault.expected}: {fault.words}" for fault in faults[:3])
    more = f"; and {len(faults) - 3} more" if len(faults) > 3 else ""
    return f"breaks {counted(len(faults), 'check')} of its contract: {named}{more}"


class Judgement(Record):
    """What the contract of its dataset says of a new version: how many checks, which failed, why it is kept aside."""

    checks: int = 0
    failed: list[CheckResult] = []
    held: str = ""

    @property
    def sentence(self) -> str:
        """For the end of a verdict; "" where there is no contract."""
        if not self.checks:
            return ""
        if self.held:
            return " It is kept aside, not made the newest, for it breaks its contract."
        failed = sum(one.severity != "info" for one in self.failed)
        all_of = counted(self.checks, "check")
        return (
            f" It fails {failed} of the {all_of} of its contract." if failed else f" It passes its contract ({all_of})."
        )

    def lines(self) -> list[str]:
        """The checks that failed, the gravest first, with a row of each where rows fail."""
        failed = sorted(self.failed, key=lambda one: "error warning info".index(one.severity))
        lines = [
            clipped(f"contract: {one.severity}: {one.expected}: {one.words}{_row(one)}", _LINE)
            for one in failed[:_SHOWN]
        ]
        more = len(failed) - len(lines)
        return [*lines, f"contract: and {counted(more, 'more failed check')}"] if more > 0 else lines

    def next(self, dataset: str) -> str:
        """The call that follows where a version is kept aside, else ""."""
        return f'read_page(uri="mlsteward://contracts/{dataset}")' if self.held else ""


def record_judgement(
    transaction: Transaction, version: DatasetVersion, results: Sequence[CheckResult], held: str, run: int
) -> None:
    """Keep the results. Alerts are about the newest version; of one kept aside, one says that it is."""
    newest = newest_version(transaction.whole, version.name)
    current = newest is not None and newest.version == version.version
    record_checks(transaction, version.label, results, run=run, created=datetime.now(UTC), alerts=current)
    if held:
        words = f"{version.label} is kept aside: it {held}"
        finding = Finding(asset=f"dataset:{version.label}", check=HELD, severity="error", words=words)
        raise_alerts(transaction, [finding], run=run)
    else:
        settle_held(transaction, version.name, run)


def settle_held(transaction: Transaction, name: str, run: int) -> None:
    """No version of a dataset waits any more where the last one to come is not kept aside."""
    last = next(iter(versions_of(transaction.whole, name)), None)
    if last and not last.held:
        settle_alerts(transaction, name, [HELD], run)


def _row(result: CheckResult) -> str:
    first = result.examples[0] if result.examples else {}
    return f" ({', '.join(f'{name} {value}' for name, value in list(first.items())[:_CELLS])})" if first else ""


def held_twin(transaction: Transaction, name: str, snapshot: Snapshot) -> DatasetVersion | None:
    """The last version of a dataset, where it is held and has just these rows."""
    last = next(iter(versions_of(transaction, name)), None)
    return last if last and last.held and same_rows(last, snapshot) else None


def same_rows(version: DatasetVersion, snapshot: Snapshot) -> bool:
    fields = ("fingerprint", "schema_hash", "algorithm", "engine")
    return all(getattr(version, field) == getattr(snapshot, field) for field in fields)
