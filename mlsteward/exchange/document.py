"""What a document of another tool says about one dataset, in our terms."""

from mlsteward.contracts.check import Check, ContractColumn, Mode
from mlsteward.data.snapshot import Column
from mlsteward.record import Record


class Target(Record):
    """A registered dataset that documents may speak of."""

    name: str
    columns: list[Column]

    def column(self, *names: str) -> str:
        """The column that one of the names means, the first that is there; "" when none is."""
        known = {column.name.casefold(): column.name for column in self.columns}
        return next((known[name.casefold()] for name in names if name and name.casefold() in known), "")

    @property
    def contract_columns(self) -> list[ContractColumn]:
        return [ContractColumn(name=column.name, type=column.type) for column in self.columns]


class Described(Record):
    """What is said of one dataset: `words` of dictionary fields by column ("" for the table), and its contract.

    `columns` is [] where the document names no types. `left_out` says what it holds that cannot be held here.
    """

    dataset: str
    words: dict[str, dict[str, str | list[str]]] = {}
    columns: list[ContractColumn] = []
    checks: list[Check] = []
    mode: Mode | None = None
    left_out: list[str] = []
