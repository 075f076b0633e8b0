"""What a comparison of the rows of two tables finds, in models."""

from collections.abc import Set
from typing import Self

from mlsteward.record import Record


class Example(Record):
    """A value that changed, as text: in one row, told by its key, or in `rows` rows that changed alike."""

    before: str
    after: str
    key: str = ""
    rows: int = 1


class ColumnDiff(Record):
    """How a column changed in rows that both tables have; without a key only what each table holds is known.

    `changed` rows have another value; `nulled` of them became null and `filled` ceased to be. Of numbers, `shift` is
    the mean and `median_shift` the median of after − before over changed rows without nulls. `nulls_…` and `mean_…`
    are those of the whole column. `masked` says that values are not told.
    """

    column: str
    changed: int = 0
    nulled: int = 0
    filled: int = 0
    shift: float | None = None
    median_shift: float | None = None
    nulls_before: int = 0
    nulls_after: int = 0
    mean_before: float | None = None
    mean_after: float | None = None
    examples: list[Example] = []
    masked: bool = False

    def without(self, masked: Set[str], *, keyless: bool) -> Self:
        """Without its values if it is among the columns `masked`; `keyless` says that the key is not to be told."""
        if self.column in masked:
            values = dict.fromkeys(("shift", "median_shift", "mean_before", "mean_after"))
            return self.model_copy(update={**values, "examples": [], "masked": True})
        shown = [one.model_copy(update={"key": ""}) for one in self.examples] if keyless else self.examples
        return self.model_copy(update={"examples": shown})


class RowDiff(Record):
    """Rows that came, went and changed. `key` is [] where rows were compared whole.

    `repeated` rows have a key that occurs more than once on their side. The examples tell rows by their key, else by
    their first columns; `files` has all of them.
    """

    key: list[str] = []
    before: int
    after: int
    added: int = 0
    removed: int = 0
    changed: int = 0
    repeated: int = 0
    columns: list[ColumnDiff] = []
    added_examples: list[str] = []
    removed_examples: list[str] = []
    files: list[str] = []

    def without(self, masked: Set[str]) -> Self:
        """The same counts, without a value of the columns `masked`."""
        no_rows = {"added_examples": [], "removed_examples": []}
        columns = [one.without(masked, keyless=bool(masked & set(self.key))) for one in self.columns]
        return self.model_copy(update={"columns": columns, **no_rows})

    @property
    def same(self) -> bool:
        return not (self.added or self.removed or self.changed)
