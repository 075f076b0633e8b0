"""Reading dbt's property files (`schema.yml`): descriptions and meta as words, data tests as checks."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from mlsteward.contracts.check import Check
from mlsteward.contracts.parse import named_apart
from mlsteward.errors import StewardError, UnusableData
from mlsteward.exchange.dbt_tests import read_test
from mlsteward.exchange.document import Described, Target

Part = Mapping[str, Any]
_NODES = ("models", "seeds", "snapshots")
_READ_OF_TABLE = frozenset(
    "name description columns tests data_tests meta tags config constraints docs identifier loaded_at_field freshness"
    " data_type quote latest_version access group".split()
)
_READ_OF_COLUMN = frozenset("name description tests data_tests meta tags data_type quote config constraints".split())
_OWNER = ("owner", "data_owner", "maintainer")
_SENSITIVITY = ("sensitivity", "classification", "data_classification")
_UNITS = {"minute": "minutes", "hour": "hours", "day": "days"}


@dataclass
class _Table:
    """A model, seed, snapshot or source table, with what its source says for all its tables."""

    part: Part
    inherited: Part = field(default_factory=dict[str, Any])

    @property
    def names(self) -> list[str]:
        return [str(self.part.get(key) or "").lower() for key in ("name", "identifier")]


def read_dbt(document: Part, targets: Mapping[str, Target], only: str = "") -> list[Described]:
    """What a property file says of each table that is one of `targets`, by name; of `only` where it is given.

    Raises UnusableData when none is.
    """
    tables = list(_tables(document))
    if not tables:
        raise UnusableData("The file has no models, seeds, snapshots or sources, as dbt's property files do.")
    found: list[Described] = []
    unknown: list[str] = []
    for table in tables:
        target = next((targets[name] for name in table.names if name in targets), None)
        if only:
            target = targets.get(only) if len(tables) == 1 or (target and target.name == only) else None
        if target is None:
            unknown.append(table.names[0])
        else:
            found.append(_described(table, target))
    if not found:
        raise UnusableData(
            f"The file speaks of {', '.join(unknown)}, and no dataset of that name is registered; name one with"
            " --dataset.",
            next="list_datasets()",
        )
    others = [key for key in document if key not in ("version", "sources", *_NODES)]
    found[0].left_out[:0] = [
        *(f"table {name}: no such dataset is registered" for name in unknown),
        *(f"{key}: only models, seeds, snapshots and sources are read" for key in others),
    ]
    return found


def _tables(document: Part) -> Iterator[_Table]:
    for kind in _NODES:
        for part in _parts(document.get(kind)):
            yield _Table(part)
    for source in _parts(document.get("sources")):
        inherited = {key: source[key] for key in ("freshness", "loaded_at_field", "meta", "config") if key in source}
        for part in _parts(source.get("tables")):
            yield _Table(part, inherited)


def _described(table: _Table, target: Target) -> Described:
    left_out = [f"{key}" for key in table.part if key not in _READ_OF_TABLE]
    words = {"": _words(table.part, "", left_out, table.inherited)}
    checks = _freshness(table, target, left_out)
    checks += _checks(table.part, "", target, left_out)
    for column in _parts(table.part.get("columns")):
        name = target.column(str(column.get("name")))
        if not name:
            left_out.append(f"column {column.get('name')}: {target.name} has none of that name")
            continue
        left_out += [f"{key} of {name}" for key in column if key not in _READ_OF_COLUMN]
        words[name] = _words(column, f" of {name}", left_out)
        checks += _checks(column, name, target, left_out)
    return Described(
        dataset=target.name,
        words={name: fields for name, fields in words.items() if fields},
        checks=named_apart(checks),
        left_out=left_out,
    )


def _checks(part: Part, column: str, target: Target, left_out: list[str]) -> list[Check]:
    found: list[Check] = []
    for test in _listed(part.get("data_tests")) + _listed(part.get("tests")) + _constraints(part):
        try:
            found.append(read_test(test, column, target))
        except StewardError as error:
            left_out.append(f"test {_name_of(test)}" + (f" of {column}" if column else "") + f": {error.said()}")
    return found


def _constraints(part: Part) -> list[Any]:
    """A model contract's constraints that are tests by another name."""
    found: list[Any] = []
    for one in _parts(part.get("constraints")):
        kind, columns = str(one.get("type")), _listed(one.get("columns"))
        if kind == "primary_key" and not columns:
            found += ["not_null", "unique"]
        elif kind in ("unique", "primary_key") and columns:
            found.append({"unique": {"arguments": {"columns": columns}}})
        else:
            found.append(kind)
    return found


def _name_of(test: object) -> str:
    if isinstance(test, dict):
        parts = cast(dict[str, Any], test)
        return str(parts.get("test_name") or next(iter(parts), "without a name"))
    return str(test)


def _freshness(table: _Table, target: Target, left_out: list[str]) -> list[Check]:
    """A source's `freshness`: how old its newest rows may be."""
    part = {**table.inherited, **table.part}
    config = cast(Part, part.get("config") or {})
    limits = cast(Part, part.get("freshness") or config.get("freshness") or {})
    time = str(part.get("loaded_at_field") or config.get("loaded_at_field") or "")
    column = target.column(time)
    if time and not column:
        left_out.append(f"freshness: {target.name} has no column {time}")
        return []
    found: list[Check] = []
    for key, severity in (("error_after", "error"), ("warn_after", "warning")):
        limit = cast(Part, limits.get(key) or {})
        unit = _UNITS.get(str(limit.get("period")), "")
        if limit.get("count") and unit:
            found.append(
                Check.model_validate(
                    {
                        "name": f"freshness {key.partition('_')[0]}",
                        "type": "freshness",
                        "columns": [column] if column else [],
                        "severity": severity,
                        "operator": "must_be_less_or_equal_to",
                        "threshold": [float(limit["count"])],
                        "unit": unit,
                    }
                )
            )
    return found


def _words(part: Part, where: str, left_out: list[str], inherited: Part | None = None) -> dict[str, str | list[str]]:
    config = cast(Part, part.get("config") or {})
    meta = {
        **_meta(inherited or {}),
        **cast(dict[str, Any], config.get("meta") or {}),
        **cast(dict[str, Any], part.get("meta") or {}),
    }
    tags = [str(tag) for tag in (*_listed(config.get("tags")), *_listed(part.get("tags")))]
    description = str(part.get("description") or "").strip()
    if "{{" in description:
        left_out.append(f"description{where}: it refers to another file of the project")
        description = ""
    words: dict[str, str | list[str]] = {
        "description": description,
        "owner": _first(meta, _OWNER),
        "sensitivity": _first(meta, _SENSITIVITY),
        "unit": _first(meta, ("unit", "units")) if where else "",
        "business_name": _first(meta, ("business_name", "label")),
        "tags": list(dict.fromkeys(tags)),
    }
    used = {*_OWNER, *_SENSITIVITY, "unit", "units", "business_name", "label"}
    left_out += [f"meta.{key}{where}" for key in meta if key not in used]
    return {name: value for name, value in words.items() if value}


def _meta(part: Part) -> dict[str, Any]:
    config = cast(Part, part.get("config") or {})
    return {**cast(dict[str, Any], config.get("meta") or {}), **cast(dict[str, Any], part.get("meta") or {})}


def _first(meta: Part, names: tuple[str, ...]) -> str:
    """An owner may be a name, or a mapping with one."""
    for name in names:
        value = meta.get(name)
        if isinstance(value, dict):
            person = cast(dict[str, Any], value)
            value = person.get("name") or person.get("email")
        if value:
            return str(value)
    return ""


def _parts(value: object) -> list[Part]:
    return [one for one in cast(list[Any], value) if isinstance(one, dict)] if isinstance(value, list) else []


def _listed(value: object) -> list[Any]:
    if value is None:
        return []
    return cast(list[Any], value) if isinstance(value, list) else [value]
