"""What flows into a column of a statement's result, and which columns a part of the statement sees."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

Subtype = Literal[
    "IDENTITY",
    "TRANSFORMATION",
    "AGGREGATION",
    "JOIN",
    "GROUP_BY",
    "FILTER",
    "SORT",
    "WINDOW",
    "CONDITIONAL",
    "UNKNOWN",
]
# A table as the statement names it, and its column.
Origin = tuple[str, str]
# Columns that decide something, and how.
Deciding = frozenset[tuple[Origin, Subtype]]
_STRENGTH: tuple[Subtype, ...] = ("IDENTITY", "TRANSFORMATION", "AGGREGATION", "UNKNOWN")


class Unfollowed(Exception):
    """A part of a statement whose columns cannot be told. It never leaves `column_lineage`."""


@dataclass(frozen=True)
class Flow:
    """Columns whose values an expression holds, each with the strongest thing done to it, and those that decide it."""

    direct: dict[Origin, Subtype] = field(default_factory=dict[Origin, Subtype])
    indirect: Deciding = frozenset()

    def at_least(self, subtype: Subtype) -> "Flow":
        """The same, with `subtype` done to the values."""
        return Flow({origin: _stronger(have, subtype) for origin, have in self.direct.items()}, self.indirect)

    def deciding(self, subtype: Subtype) -> Deciding:
        """The columns as ones that decide something by `subtype`."""
        decided: Deciding = frozenset((origin, subtype) for origin in self.direct)
        return decided | self.indirect

    def decided_by(self, deciding: Deciding) -> "Flow":
        return Flow(self.direct, self.indirect | deciding)


def merged(flows: Iterable[Flow]) -> Flow:
    """The flow into an expression made of several."""
    direct: dict[Origin, Subtype] = {}
    indirect: Deciding = frozenset()
    for flow in flows:
        for origin, subtype in flow.direct.items():
            direct[origin] = _stronger(direct.get(origin, subtype), subtype)
        indirect |= flow.indirect
    return Flow(direct, indirect)


def _stronger(first: Subtype, second: Subtype) -> Subtype:
    return first if _STRENGTH.index(first) >= _STRENGTH.index(second) else second


@dataclass(frozen=True)
class Output:
    """A column of a table, a CTE or a query."""

    name: str
    flow: Flow


@dataclass(frozen=True)
class Relation:
    """What a query or a table gives: its columns, and the columns of tables that decide which rows there are.

    `hidden` names columns that `*` leaves out, being those of a USING on the other side; `open` is a table function
    whose columns go by any name.
    """

    outputs: list[Output]
    rows: Deciding = frozenset()
    name: str = ""
    hidden: frozenset[str] = frozenset()
    open: bool = False

    def column(self, name: str) -> Output | None:
        wanted = name.casefold()
        return next((output for output in self.outputs if output.name.casefold() == wanted), None)

    def renamed(self, name: str, columns: Sequence[str] = ()) -> "Relation":
        """Under an alias, its first columns under other names."""
        outputs = [replace(output, name=new) for output, new in zip(self.outputs, columns, strict=False)]
        return replace(self, name=name or self.name, outputs=[*outputs, *self.outputs[len(outputs) :]])

    def whole(self) -> Flow:
        return merged(output.flow for output in self.outputs)


@dataclass
class Scope:
    """What the expressions of one query see: its tables, what its select list has named, and the queries around it."""

    ctes: dict[str, Relation] = field(default_factory=dict[str, Relation])
    relations: list[Relation] = field(default_factory=list[Relation])
    named: dict[str, Flow] = field(default_factory=dict[str, Flow])
    around: "Scope | None" = None

    def inside(self) -> "Scope":
        """The scope of a query within this one."""
        return Scope(dict(self.ctes), around=self)

    def resolve(self, names: Sequence[str]) -> Flow:
        """The flow of a column as written: `a`, `t.a`, `a.field`, `t.a.field`. Raises Unfollowed."""
        found = self._own(names)
        if found is not None:
            return found
        if self.around:
            return self.around.resolve(names)
        raise Unfollowed(".".join(names))

    def _own(self, names: Sequence[str]) -> Flow | None:
        if len(names) > 1 and (found := self._qualified(names[0], names[1])):
            return found if len(names) == 2 else found.at_least("TRANSFORMATION")
        if found := self._column(names[0]) or self.named.get(names[0].casefold()):
            return found if len(names) == 1 else found.at_least("TRANSFORMATION")
        for relation in self.relations:
            if relation.name.casefold() == names[0].casefold():
                return relation.whole().at_least("TRANSFORMATION")
        return next((relation.whole() for relation in self.relations if relation.open), None)

    def _qualified(self, table: str, column: str) -> Flow | None:
        for relation in self.relations:
            if relation.name.casefold() == table.casefold():
                output = relation.column(column)
                return output.flow if output else relation.whole() if relation.open else None
        return None

    def _column(self, name: str) -> Flow | None:
        for relation in self.relations:
            output = None if name.casefold() in relation.hidden else relation.column(name)
            if output:
                return output.flow
        return None
