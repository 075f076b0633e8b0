"""How the columns of one table differ from those of another, and which of them can be compared."""

from collections.abc import Container, Iterable, Sequence

from mlsteward.data.profile import type_family
from mlsteward.data.snapshot import Column
from mlsteward.record import Record

# In this order each type holds every value of those before it.
_SIGNED = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_UNSIGNED = ("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT")


class TableSide(Record):
    """One of two tables. `fingerprints` by column can be held against another's of the same `scheme`.

    `constant` names the columns with one value or none; `nulls` and `means` are what its profile says.
    """

    label: str
    path: str
    rows: int
    columns: list[Column]
    fingerprints: dict[str, str] = {}
    scheme: str = ""
    constant: list[str] = []
    nulls: dict[str, int] = {}
    means: dict[str, float] = {}


class Pair(Record):
    """A column of both tables, called `name` in the current one; `alike` says that both hold the same values."""

    name: str
    reference: str
    before: str
    after: str
    alike: bool = False

    @property
    def retyped(self) -> bool:
        return self.before != self.after

    @property
    def renamed(self) -> bool:
        return self.name != self.reference

    @property
    def words(self) -> str:
        """What happened to the column itself; "" when nothing did."""
        if self.renamed:
            case = self.name.casefold() == self.reference.casefold()
            why = "only the case" if case else "the same values, so likely the same column"
            return f"{self.reference} is {self.name} now ({why})"
        if not self.retyped:
            return ""
        return f"{self.name} is {self.after}, was {self.before}" + (" (widened)" if self.widened else "")

    @property
    def widened(self) -> bool:
        """Whether every value of the old type is one of the new type."""
        before, after = self.before.upper(), self.after.upper()
        if before in _SIGNED:
            return after in _SIGNED[_SIGNED.index(before) :] or (after == "DOUBLE" and before not in _SIGNED[3:])
        if before in _UNSIGNED:
            larger = _UNSIGNED.index(before)
            return after in (*_UNSIGNED[larger:], *_SIGNED[larger + 1 :])
        return (before, after) in (("FLOAT", "DOUBLE"), ("DATE", "TIMESTAMP"))


class SchemaDiff(Record):
    """Columns that came and went, and those of both tables; `reordered` says that these stand in another order."""

    added: list[Column] = []
    removed: list[Column] = []
    pairs: list[Pair] = []
    reordered: bool = False

    @property
    def same(self) -> bool:
        return not (self.added or self.removed or self.reordered or any(pair.words for pair in self.pairs))

    @property
    def words(self) -> list[str]:
        """One line for each thing that changed."""
        return [
            *(f"added {column.name} {column.type}" for column in self.added),
            *(f"removed {column.name} {column.type}" for column in self.removed),
            *(pair.words for pair in self.pairs if pair.words),
            *(["the columns stand in another order"] if self.reordered else []),
        ]


def diff_schemas(reference: TableSide, current: TableSide) -> SchemaDiff:
    """Pair the columns: by name, else by name in another case, else by equal values of one type.

    Columns with one value or none are never paired by value: they are alike by chance.
    """
    before = {column.name: column for column in reference.columns}
    paired: dict[str, str] = {column.name: column.name for column in current.columns if column.name in before}
    paired |= _by_case(_left(before.values(), paired.values()), _left(current.columns, paired))
    paired |= _by_value(reference, current, paired)
    pairs = [_pair(reference, current, before[paired[one.name]], one) for one in current.columns if one.name in paired]
    places = [list(before).index(pair.reference) for pair in pairs]
    return SchemaDiff(
        added=_left(current.columns, paired),
        removed=_left(before.values(), paired.values()),
        pairs=pairs,
        reordered=places != sorted(places),
    )


def _left(columns: Iterable[Column], taken: Container[str]) -> list[Column]:
    return [column for column in columns if column.name not in taken]


def _by_case(before: Sequence[Column], after: Sequence[Column]) -> dict[str, str]:
    names = {column.name.casefold(): column.name for column in before}
    return {column.name: names[column.name.casefold()] for column in after if column.name.casefold() in names}


def _by_value(reference: TableSide, current: TableSide, paired: dict[str, str]) -> dict[str, str]:
    if reference.scheme != current.scheme or reference.rows != current.rows:
        return {}
    known = {
        (column.type, reference.fingerprints[column.name]): column.name
        for column in _left(reference.columns, paired.values())
        if column.name in reference.fingerprints and column.name not in reference.constant
    }
    found: dict[str, str] = {}
    for column in _left(current.columns, paired):
        name = known.pop((column.type, current.fingerprints.get(column.name, "")), "")
        if name:
            found[column.name] = name
    return found


def _pair(reference: TableSide, current: TableSide, before: Column, after: Column) -> Pair:
    prints = reference.fingerprints.get(before.name, ""), current.fingerprints.get(after.name, "")
    comparable = reference.scheme == current.scheme and reference.rows == current.rows and bool(prints[0])
    alike = comparable and before.type == after.type and prints[0] == prints[1]
    return Pair(name=after.name, reference=before.name, before=before.type, after=after.type, alike=alike)


def is_number(pair: Pair) -> bool:
    """Whether both types are of numbers, so that differences mean something."""
    return type_family(pair.before) == type_family(pair.after) == "number"
