"""A new version and the contract of its dataset: judged by the worker, kept aside or released by the server."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mlsteward.answer import counted
from mlsteward.contracts.check import CheckResult, broken
from mlsteward.contracts.order import CheckOrder
from mlsteward.contracts.run import run_checks
from mlsteward.data.snapshot import Snapshot
from mlsteward.dictionary.entry import Entry
from mlsteward.dictionary.sensitivity import exceeds
from mlsteward.runs.job import Job
from mlsteward.store.datasets import DatasetVersion, versions_of
from mlsteward.store.transaction import Transaction

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_SHOWN = 8


def judge_version(
    connection: "DuckDBPyConnection", file: Path, order: CheckOrder | None, entries: Sequence[Entry], job: Job
) -> list[CheckResult]:
    """What the contract says of rows that are not a version yet. `entries` tell which new columns are sensitive."""
    if order is None:
        return []
    job.progress(0.9, "checking the contract")
    new = [entry.column for entry in entries if entry.column and exceeds(entry.sensitivity, "internal")]
    masked = list(dict.fromkeys([*order.masked, *new]))
    sensitive = [*order.sensitive, *([order.contract.dataset] if new else [])]
    order = order.model_copy(update={"masked": masked, "sensitive": sensitive})
    return run_checks(connection, file, order, datetime.now(UTC), job.folder / "temp" / "checks")


def why_held(order: CheckOrder | None, results: Sequence[CheckResult]) -> str:
    """Why a version is to be kept aside, "" for one that is not."""
    faults = broken(results)
    if order is None or order.contract.mode != "block" or not faults:
        return ""
    named = "; ".join(f"{fault.expected}: {fault.words}" for fault in faults[:3])
    more = f"; and {len(faults) - 3} more" if len(faults) > 3 else ""
    return f"breaks {counted(len(faults), 'check')} of its contract: {named}{more}"


def contract_verdict(results: Sequence[CheckResult], held: str) -> str:
    """A sentence on what the contract says of a new version; "" where there is none."""
    if not results:
        return ""
    if held:
        return " It is kept aside, not made the newest, for it breaks its contract."
    failed = sum(not result.passed and result.severity != "info" for result in results)
    if not failed:
        return f" It passes all {counted(len(results), 'check')} of its contract."
    return f" It fails {failed} of the {counted(len(results), 'check')} of its contract."


def contract_lines(results: Sequence[CheckResult]) -> list[str]:
    """The checks that failed, the gravest first."""
    failed = sorted(
        (one for one in results if not one.passed), key=lambda one: "error warning info".index(one.severity)
    )
    lines = [f"{one.severity}: {one.expected}: {one.words}" for one in failed[:_SHOWN]]
    more = len(failed) - len(lines)
    return [*lines, f"and {counted(more, 'more failed check')}"] if more > 0 else lines


def held_twin(transaction: Transaction, name: str, snapshot: Snapshot) -> DatasetVersion | None:
    """The last version of a dataset, where it is held and has just these rows."""
    last = next(iter(versions_of(transaction, name)), None)
    return last if last and last.held and same_rows(last, snapshot) else None


def same_rows(version: DatasetVersion, snapshot: Snapshot) -> bool:
    fields = ("fingerprint", "schema_hash", "algorithm", "engine")
    return all(getattr(version, field) == getattr(snapshot, field) for field in fields)
