"""The schema pillar: what changed in the columns, how grave that is, and which models feel it.

Kinds follow what readers of data can live with (full compatibility as Confluent's Schema Registry and dbt's model
contracts define it): a column that is gone or has another kind of values breaks readers, a wider type or a new column
does not.
"""

from collections.abc import Sequence
from typing import Literal

from mlsteward.answer import counted
from mlsteward.data.profile import type_family
from mlsteward.health.pillars import SCHEMA, Breach, PillarReport, Severity, state_of
from mlsteward.record import Record

Compatibility = Literal["breaking", "warning", "compatible"]
_WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT")
_MOST = 4


class SchemaColumn(Record):
    """A column of one side: `fingerprint` is that of its values, `nulls` how many it has (None: not known)."""

    name: str
    type: str
    fingerprint: str = ""
    nulls: int | None = None


class ColumnUse(Record):
    """A model that uses a column: as a feature of some importance (its rank, from 1), or as its target."""

    model: str
    rank: int | None = None
    target: bool = False

    @property
    def words(self) -> str:
        if self.target:
            return f"model {self.model} predicts it"
        return f"model {self.model} uses it" + (f" (importance rank {self.rank})" if self.rank else "")


class SchemaChange(Record):
    """One change of a column, and who feels it. `counted` says that the words tell of its values."""

    column: str
    change: str
    compatibility: Compatibility
    uses: list[ColumnUse] = []
    promised: bool = False
    counted: bool = False

    @property
    def severity(self) -> Severity:
        """A breaking change is an error where somebody counts on the column: a model, or the contract."""
        if self.compatibility == "breaking":
            return "error" if self.uses or self.promised else "warning"
        return "warning" if self.compatibility == "warning" else "info"

    @property
    def words(self) -> str:
        felt = [use.words for use in self.uses[:3]]
        more = [f"and {counted(len(self.uses) - 3, 'more model')}"] if len(self.uses) > 3 else []
        return ", ".join([f"{self.column} {self.change}: {self.compatibility}", *felt, *more])


def schema_changes(reference: Sequence[SchemaColumn], current: Sequence[SchemaColumn]) -> list[SchemaChange]:
    """What changed from `reference` to `current`, the gravest first."""
    now = {column.name: column for column in current}
    folded = {column.name.casefold(): column for column in current}
    was = {column.name for column in reference}
    new = [column for column in current if column.name not in was]
    changes: list[SchemaChange] = []
    taken: set[str] = set()
    for column in reference:
        successor = now.get(column.name)
        if successor is not None:
            changes += _within(column, successor)
            continue
        renamed = folded.get(column.name.casefold()) or _same_values(column, new)
        if renamed is not None and renamed.name not in was:
            taken.add(renamed.name)
            changes.append(_change(column.name, f"is called {renamed.name} now", "breaking"))
        else:
            changes.append(_change(column.name, "is gone", "breaking"))
    changes += [_change(one.name, f"is new ({one.type})", "compatible") for one in new if one.name not in taken]
    order = {"breaking": 0, "warning": 1, "compatible": 2}
    return sorted(changes, key=lambda change: order[change.compatibility])


def _within(before: SchemaColumn, after: SchemaColumn) -> list[SchemaChange]:
    found = [_of_type(before, after)] if before.type != after.type else []
    if before.nulls == 0 and after.nulls:
        words = f"has {counted(after.nulls, 'null')} and had none"
        found.append(_change(after.name, words, "warning").model_copy(update={"counted": True}))
    return found


def _of_type(before: SchemaColumn, after: SchemaColumn) -> SchemaChange:
    families = type_family(before.type), type_family(after.type)
    words = f"became {after.type} from {before.type}"
    if families[0] != families[1]:
        if families[1] == "text":
            words = f"became text from {before.type}"
        return _change(after.name, words, "breaking")
    if _is_wider(before.type, after.type):
        return _change(after.name, words, "compatible")
    return _change(after.name, words, "warning")


def _is_wider(before: str, after: str) -> bool:
    if before in _WHOLE and after in _WHOLE:
        return _WHOLE.index(after) > _WHOLE.index(before)
    return before in _WHOLE[:3] and after == "DOUBLE"


def _same_values(column: SchemaColumn, new: Sequence[SchemaColumn]) -> SchemaColumn | None:
    return next((one for one in new if column.fingerprint and one.fingerprint == column.fingerprint), None)


def _change(column: str, change: str, compatibility: Compatibility) -> SchemaChange:
    return SchemaChange(column=column, change=change, compatibility=compatibility)


def schema_pillar(changes: Sequence[SchemaChange], against: str, columns: int) -> PillarReport:
    """The pillar: `against` is what the columns were compared with, "" when there is nothing."""
    if not against:
        facts = f"{counted(columns, 'column')}, the first version: nothing to compare with"
        return PillarReport(pillar="schema", state="not enough history", words=facts)
    worth = sorted((change for change in changes if change.severity != "info"), key=lambda one: one.severity != "error")
    if not worth:
        added = [change.words for change in changes[:_MOST]]
        words = "; ".join(added) or f"{counted(columns, 'column')} as in {against}"
        return PillarReport(pillar="schema", state="ok", words=words, passed=[SCHEMA])
    more = len(changes) - min(len(worth), _MOST)
    words = "; ".join(change.words for change in worth[:_MOST])
    words += f"; {counted(more, 'more change')}" if more > 0 else ""
    breach = Breach(
        check=SCHEMA,
        severity=worth[0].severity,
        words=f"since {against}: {words}",
        evidence={
            "against": against,
            "columns": ", ".join(change.column for change in worth[:20]),
            "models": ", ".join(sorted({use.model for change in worth for use in change.uses})[:20]),
        },
    )
    told = [change.column for change in worth[:_MOST] if change.counted]
    return PillarReport(pillar="schema", state=state_of([breach]), words=breach.words, breaches=[breach], columns=told)
