"""What `check_data` and `set_contract` have looked at: from a dataset's name to the request for a worker."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from mlsteward.contracts.check import Contract
from mlsteward.health.pillars import PILLARS, Pillar
from mlsteward.runs.jobs.check import Request
from mlsteward.store.contracts import check_order
from mlsteward.store.datasets import DatasetVersion, find_dataset
from mlsteward.store.transaction import Transaction


def check_request(
    transaction: Transaction,
    workspace: Path,
    dataset: str,
    *,
    pillars: Sequence[Pillar] = PILLARS,
    contract: Contract | None = None,
    trial: bool = False,
) -> tuple[Request, DatasetVersion]:
    """The request for the worker, and the version it looks at.

    `contract` takes the place of the dataset's own. With `trial` nothing is recorded but the run.
    """
    version = find_dataset(transaction, dataset)
    request = Request(
        dataset=version.label,
        snapshot=version.snapshot,
        order=check_order(transaction, workspace, version.name, contract=contract, version=version.version),
        pillars=list(pillars),
        now=datetime.now(UTC).replace(tzinfo=None),
        trial=trial,
    )
    return request, version
