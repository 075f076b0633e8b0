"""Reading documents of the Open Data Contract Standard: what of them can be held here, and what cannot, in words."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from mlsteward.contracts.check import MODES, Check, ContractColumn, Unit
from mlsteward.contracts.parse import named_apart
from mlsteward.contracts.text import usual_name
from mlsteward.errors import StewardError, UnusableData
from mlsteward.exchange.document import Described, Target
from mlsteward.exchange.odcs_quality import read_rule
from mlsteward.exchange.odcs_write import OWN_WORDS
from mlsteward.exchange.types import our_type

Part = Mapping[str, Any]
# What the standard says of things that are not kept here, beside the keys that are read.
_READ = frozenset(
    "apiVersion kind id version status name description tags schema slaProperties team customProperties".split()
)
_READ_OF_TABLE = frozenset(
    "id name physicalName physicalType logicalType businessName description tags properties relationships quality"
    " customProperties".split()
)
_READ_OF_COLUMN = frozenset(
    "id name physicalName physicalType logicalType logicalTypeOptions businessName description classification tags"
    " required unique primaryKey primaryKeyPosition relationships quality customProperties enum".split()
)
_OPTIONS = frozenset("minimum maximum exclusiveMinimum exclusiveMaximum pattern".split())
_UNITS: dict[str, Unit] = {
    **dict.fromkeys(("m", "min", "minute", "minutes"), "minutes"),
    **dict.fromkeys(("h", "hr", "hour", "hours"), "hours"),
    **dict.fromkeys(("d", "day", "days"), "days"),
}


def read_odcs(document: Part, targets: Mapping[str, Target], only: str = "") -> list[Described]:
    """What a document says of each of its tables that is one of `targets`, by name; of `only` where it is given.

    A table is a target by its name or its physical name. Raises UnusableData when none is.
    """
    if document.get("kind") != "DataContract":
        raise UnusableData("The document is no data contract: its `kind` is not DataContract.")
    tables = _parts(document.get("schema"))
    found: list[Described] = []
    unknown: list[str] = []
    for table in tables:
        target = targets.get(only) if only and len(tables) == 1 else _target(table, targets)
        if target is None or (only and target.name != only):
            unknown.append(str(table.get("name")))
        else:
            found.append(_Reader(document, table, target, alone=len(tables) == 1).described())
    if not found:
        raise UnusableData(
            f"The document speaks of {', '.join(unknown) or 'no table'}, and no dataset of that name is registered;"
            " name one with --dataset.",
            next="list_datasets()",
        )
    found[0].left_out[:0] = [f"table {name}: no such dataset is registered" for name in unknown]
    return found


def _target(table: Part, targets: Mapping[str, Target]) -> Target | None:
    names = [str(table.get(key) or "").partition("@")[0].lower() for key in ("name", "physicalName")]
    return next((targets[name] for name in names if name in targets), None)


class _Reader:
    """One table of a document, read into what is held of a dataset."""

    def __init__(self, document: Part, table: Part, target: Target, *, alone: bool) -> None:
        self.document = document
        self.table = table
        self.target = target
        self.alone = alone
        self.left_out: list[str] = []
        self.checks: list[Check] = []

    def described(self) -> Described:
        columns = [column for one in _parts(self.table.get("properties")) if (column := self._column(one))]
        words = {self._name(one): self._words(one) for one in _parts(self.table.get("properties"))}
        words[""] = self._table_words()
        # Rules come before what follows from keys and flags, so that these add nothing that a rule says already.
        for one in _parts(self.table.get("properties")):
            self._rules(one, self._name(one))
        self._rules(self.table, "")
        self._flags()
        self._relationships()
        self._latencies()
        self._report()
        mode = _custom(self.document).get("mode")
        return Described(
            dataset=self.target.name,
            words={column: fields for column, fields in words.items() if fields},
            columns=columns,
            checks=named_apart(self.checks),
            mode=mode if mode in MODES else None,
            left_out=list(dict.fromkeys(self.left_out)),
        )

    def _name(self, column: Part) -> str:
        names = str(column.get("name") or ""), str(column.get("physicalName") or "")
        return self.target.column(*names) or names[0]

    def _column(self, column: Part) -> ContractColumn | None:
        name = self._name(column)
        kind = our_type(str(column.get("physicalType") or ""), str(column.get("logicalType") or ""))
        if not self.target.column(name):
            self.left_out.append(f"column {name}: {self.target.name} has none of that name")
            return None
        if not kind:
            self.left_out.append(f"column {name}: its type is none that is kept here")
            kind = next(one.type for one in self.target.columns if one.name == name)
        return ContractColumn(name=name, type=kind)

    def _words(self, column: Part) -> dict[str, str | list[str]]:
        given = _custom(column)
        words: dict[str, Any] = {
            "description": column.get("description"),
            "business_name": column.get("businessName"),
            "sensitivity": column.get("classification"),
            "tags": column.get("tags"),
            **{ours: given.get(theirs) for ours, theirs in OWN_WORDS.items()},
        }
        listed = [one.get("value") for one in _parts(column.get("enum"))]
        words["allowed_values"] = words["allowed_values"] or [str(value) for value in listed]
        return _said(words)

    def _table_words(self) -> dict[str, str | list[str]]:
        whole = cast(Part, self.document.get("description") or {}) if self.alone else {}
        if isinstance(self.document.get("description"), str):
            whole = {"purpose": self.document["description"]}
        team = self.document.get("team")
        members = _parts(team.get("members") if isinstance(team, dict) else team)
        owners = [one.get("username") for one in members if str(one.get("role", "")).lower() == "owner"]
        if len(members) > len(owners):
            self.left_out.append("team: only its owner is kept")
        return _said(
            {
                "description": self.table.get("description") or whole.get("purpose"),
                "usage": whole.get("usage"),
                "business_name": self.table.get("businessName"),
                "tags": self.table.get("tags") or (self.document.get("tags") if self.alone else None),
                "sensitivity": _custom(self.table).get("sensitivity"),
                "owner": owners[0] if owners else None,
            }
        )

    def _rules(self, part: Part, column: str) -> None:
        for rule in _parts(part.get("quality")):
            shown = rule.get("name") or rule.get("description") or rule.get("metric") or rule.get("type")
            where = f"rule {' '.join(str(shown).split())[:60]!r}" + (f" of {column}" if column else "")
            if column and not self.target.column(column):
                continue  # the column itself has been reported
            try:
                self.checks.append(read_rule(rule, column, self.target.name, self.target.contract_columns))
            except StewardError as error:
                self.left_out.append(f"{where}: {error.said()}")

    def _flags(self) -> None:
        """What is unique, required and the primary key, unless a rule has said it."""
        columns = [one for one in _parts(self.table.get("properties")) if self.target.column(self._name(one))]
        key = [one for one in columns if one.get("primaryKey")]
        key.sort(key=lambda one: int(one.get("primaryKeyPosition") or 0))
        unique = [[self._name(one)] for one in columns if one.get("unique")]
        for names in ([[self._name(one) for one in key]] if key else []) + unique:
            self._add(Check(name="-", type="duplicate_values", columns=names))
        for one in columns:
            if one.get("required") or one.get("primaryKey"):
                self._add(Check(name="-", type="null_values", columns=[self._name(one)]))
            self._options(one)

    def _options(self, column: Part) -> None:
        """Bounds and patterns of a logical type."""
        options = cast(dict[str, Any], column.get("logicalTypeOptions") or {})
        name, bounds = self._name(column), {}
        for end in ("minimum", "maximum"):
            strict = options.get(f"exclusive{end.capitalize()}")
            if _is_number(strict) or isinstance(strict, str):
                bounds |= {end: strict, f"exclusive_{end}": True}
            elif options.get(end) is not None:
                bounds |= {end: options[end], f"exclusive_{end}": bool(strict)}
        if bounds:
            self._add(Check.model_validate({"name": "-", "type": "range", "columns": [name], **bounds}))
        if options.get("pattern"):
            self._add(Check(name="-", type="regex", columns=[name], pattern=str(options["pattern"])))
        self.left_out += [f"logicalTypeOptions.{key} of {name}" for key in options if key not in _OPTIONS]

    def _add(self, check: Check) -> None:
        """A check that follows from a flag: not where a rule looks at the same."""
        if not any(one.type == check.type and set(one.columns) == set(check.columns) for one in self.checks):
            self.checks.append(check.model_copy(update={"name": usual_name(check)}))

    def _relationships(self) -> None:
        for own, one in self._linked():
            if "coverage" in _custom(one):
                continue  # found from the data, where they are found again
            to = one.get("to")
            ends = [str(end) for end in (cast(list[Any], to) if isinstance(to, list) else [to])]
            tables = {end.partition(".")[0] for end in ends}
            if len(tables) != 1 or any("/" in end or end.count(".") != 1 for end in ends):
                self.left_out.append(f"relationship to {', '.join(ends)}: only `table.column` is read")
                continue
            columns = [self.target.column(name) or name for name in own]
            check = Check(
                name="-",
                type="relationship",
                columns=columns,
                to_dataset=tables.pop(),
                to_columns=[end.partition(".")[2] for end in ends],
            )
            self._add(check)

    def _linked(self) -> Iterator[tuple[list[str], Part]]:
        for column in _parts(self.table.get("properties")):
            for one in _parts(column.get("relationships")):
                yield [self._name(column)], one
        for one in _parts(self.table.get("relationships")):
            start = one.get("from")
            names = [str(end) for end in (cast(list[Any], start) if isinstance(start, list) else [start])]
            yield [name.rpartition(".")[2] for name in names], one

    def _latencies(self) -> None:
        for one in _parts(self.document.get("slaProperties")):
            name, element = str(one.get("property")), str(one.get("element") or "")
            table, _, column = element.partition(".")
            if element and table not in (self.target.name, str(self.table.get("name"))) and not self.alone:
                continue
            unit = _UNITS.get(str(one.get("unit") or "").lower())
            if name.lower() not in ("latency", "ly", "freshness") or not unit or not _is_number(one.get("value")):
                self.left_out.append(f"service level {name}: only a latency in minutes, hours or days is checked")
                continue
            self._add(
                Check(
                    name="-",
                    type="freshness",
                    columns=[found] if (found := self.target.column(column)) else [],
                    operator="must_be_less_or_equal_to",
                    threshold=[float(one["value"])],
                    unit=unit,
                )
            )

    def _report(self) -> None:
        self.left_out += _others(self.document, _READ, "")
        self.left_out += _others(self.table, _READ_OF_TABLE, "")
        for one in _parts(self.table.get("properties")):
            self.left_out += _others(one, _READ_OF_COLUMN, f" of {self._name(one)}")


def _others(part: Part, read: frozenset[str], where: str) -> list[str]:
    """Keys that are not read; false, empty and null ones say nothing."""
    return [
        f"{key}{where}" for key, value in part.items() if key not in read and value not in (None, False, "", [], -1)
    ]


def _parts(value: object) -> list[Part]:
    return [one for one in cast(list[Any], value) if isinstance(one, dict)] if isinstance(value, list) else []


def _custom(part: Part) -> dict[str, Any]:
    return {str(one.get("property")): one.get("value") for one in _parts(part.get("customProperties"))}


def _said(words: Mapping[str, Any]) -> dict[str, str | list[str]]:
    return {
        name: [str(one) for one in cast(Sequence[Any], value)] if isinstance(value, list) else str(value).strip()
        for name, value in words.items()
        if value not in (None, "", [])
    }


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
