"""Contract and dictionary as a document of the Open Data Contract Standard v3.1 (bitol.io)."""

from collections.abc import Mapping, Sequence
from typing import Any

from mlsteward.contracts.check import Check, Contract, ContractColumn
from mlsteward.dictionary.entry import Entry
from mlsteward.exchange.odcs_quality import Rule, write_rule
from mlsteward.exchange.sheet import Sheet
from mlsteward.exchange.types import logical_type

API_VERSION = "v3.1.0"
_UNITS = {"minutes": "m", "hours": "h", "days": "d"}
# Words of the dictionary that the standard has no key for: our name, and theirs in camel case.
OWN_WORDS = {
    "unit": "unit",
    "role": "role",
    "available_at": "availableAt",
    "usage": "usage",
    "owner": "owner",
    "allowed_values": "allowedValues",
}


def write_odcs(sheet: Sheet) -> dict[str, Any]:
    """The document. What has nothing to say is left out."""
    contract = sheet.contract or Contract(dataset=sheet.name)
    columns = contract.columns or [ContractColumn(name=column.name, type=column.type) for column in sheet.columns]
    owner = sheet.table.owner
    return _filled(
        {
            "apiVersion": API_VERSION,
            "kind": "DataContract",
            "id": sheet.name,
            "version": f"{contract.version}.0.0",
            "status": "active" if sheet.contract else "draft",
            "name": sheet.name,
            "description": _filled({"purpose": sheet.table.description, "usage": sheet.table.usage}),
            "tags": sheet.table.tags,
            "schema": [_table(sheet, contract, columns)],
            "slaProperties": [_latency(sheet.name, check) for check in contract.checks if _is_latency(check)],
            "team": {"members": [{"username": owner, "role": "owner"}]} if owner else {},
            "customProperties": _custom({"mode": contract.mode if sheet.contract else ""}),
        }
    )


def _table(sheet: Sheet, contract: Contract, columns: Sequence[ContractColumn]) -> dict[str, Any]:
    rules: dict[str, list[Rule]] = {}
    names = {column.name for column in columns}
    for check in contract.checks:
        column, rule = write_rule(check, sheet.name, columns)
        rules.setdefault(column if column in names else "", []).append(rule)
    key = _primary_key(contract)
    return _filled(
        {
            "name": sheet.name,
            "physicalName": sheet.label,
            "physicalType": "table",
            "logicalType": "object",
            "businessName": sheet.table.business_name,
            "description": sheet.table.description,
            "tags": sheet.table.tags,
            "properties": [
                _property(column, sheet.entries.get(column.name), contract, key, rules.get(column.name, []))
                for column in columns
            ],
            "relationships": _relationships(sheet, contract),
            "quality": rules.get("", []),
            "customProperties": _custom({"sensitivity": sheet.table.sensitivity}),
        }
    )


def _relationships(sheet: Sheet, contract: Contract) -> list[dict[str, Any]]:
    """Those of the contract, and those found in the data with their coverage."""
    stated = [(check.columns, check.to_dataset, check.to_columns, {}) for check in contract.relationships]
    names = [link[:3] for link in stated]
    found = [
        (one.columns, one.to_dataset, one.to_columns, {"coverage": round(one.coverage, 4)})
        for one in sheet.relationships
        if one.dataset == sheet.name and (one.columns, one.to_dataset, one.to_columns) not in names
    ]
    return [
        _filled(
            {
                "type": "foreignKey",
                "from": [f"{sheet.name}.{name}" for name in columns],
                "to": [f"{to}.{name}" for name in to_columns],
                "customProperties": _custom(custom),
            }
        )
        for columns, to, to_columns, custom in [*stated, *found]
    ]


def _property(
    column: ContractColumn, entry: Entry | None, contract: Contract, key: Sequence[str], rules: Sequence[Rule]
) -> dict[str, Any]:
    place = key.index(column.name) + 1 if column.name in key else 0
    words = {theirs: getattr(entry, ours) for ours, theirs in OWN_WORDS.items()} if entry else {}
    return _filled(
        {
            "name": column.name,
            "physicalType": column.type,
            "logicalType": logical_type(column.type),
            "businessName": entry.business_name if entry else "",
            "description": entry.description if entry else "",
            "classification": entry.sensitivity if entry else "",
            "tags": entry.tags if entry else [],
            "required": column.name in contract.required,
            "unique": [column.name] in contract.keys,
            "primaryKey": bool(place),
            "primaryKeyPosition": place,
            "quality": list(rules),
            "customProperties": _custom(words),
        }
    )


def _primary_key(contract: Contract) -> list[str]:
    """The first key whose columns all have to be filled, as a primary key's do."""
    required = set(contract.required)
    return next((key for key in contract.keys if key and required >= set(key)), [])


def _is_latency(check: Check) -> bool:
    below = check.operator in ("must_be_less_than", "must_be_less_or_equal_to")
    return check.type == "freshness" and below and check.unit in _UNITS


def _latency(dataset: str, check: Check) -> dict[str, Any]:
    value = check.threshold[0]
    element = f"{dataset}.{check.columns[0]}" if check.columns else dataset
    return {
        "property": "latency",
        "value": int(value) if value == int(value) else value,
        "unit": _UNITS[check.unit],
        "element": element,
        "description": check.name,
    }


def _custom(values: Mapping[str, object]) -> list[dict[str, Any]]:
    return [{"property": name, "value": value} for name, value in values.items() if value not in ("", [], None)]


def _filled(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in ("", [], {}, None, False, 0)}
