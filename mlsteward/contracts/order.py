"""What running a contract takes beside the rows: read from the store by a server, used by a worker."""

from datetime import datetime

from mlsteward.contracts.check import Contract
from mlsteward.record import Record


class PastColumn(Record):
    """What a column was in an earlier version."""

    nulls: int
    distinct: int
    mean: float | None = None


class PastVersion(Record):
    """An earlier version, as far as comparisons with a baseline need it."""

    version: int
    rows: int
    columns: dict[str, PastColumn] = {}


class CheckOrder(Record):
    """A contract and what its checks are judged by.

    `tables` has the file of each other dataset that a check may name; `history` the earlier versions, oldest first;
    `masked` the columns whose values are never kept, and `sensitive` the datasets that have such;
    `key` the columns that tell a row; `registered` when the version came (None for one that comes now); `finite` says
    that the file holds no NaN or infinity, as no snapshot does.
    """

    contract: Contract
    tables: dict[str, str] = {}
    history: list[PastVersion] = []
    masked: list[str] = []
    sensitive: list[str] = []
    key: list[str] = []
    registered: datetime | None = None
    finite: bool = False
