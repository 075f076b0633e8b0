"""Contracts in the Open Data Contract Standard: out, held to the official model, and back in without loss."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from open_data_contract_standard.model import OpenDataContractStandard

from mlsteward.contracts.check import Contract
from mlsteward.contracts.text import check_text
from mlsteward.dictionary.entry import WORDS, Entry
from mlsteward.exchange.odcs_write import write_odcs
from mlsteward.exchange.yaml_text import read_yaml, write_yaml
from mlsteward.server.cli import main
from mlsteward.store.contracts import contract_of
from mlsteward.store.dictionary import column_entries, entries_of
from mlsteward.workspace import Workspace
from tests.exchange_sheets import EVERY_KIND, add_documented, sheet

SCHEMA = json.loads(files("open_data_contract_standard").joinpath("schema.json").read_text())


@pytest.fixture
def flights(workspace: Workspace) -> Workspace:
    add_documented(workspace, checks=EVERY_KIND, mode="block")
    return workspace


def contract(workspace: Workspace, name: str = "flights") -> Contract:
    found = workspace.store.read(lambda t: contract_of(t, name))
    assert found
    return found


def run(workspace: Workspace, *arguments: str) -> int:
    return main([*arguments, "--workspace", str(workspace.folder)])


def write(folder: Path, document: str | dict[str, Any], name: str = "flights.odcs.yaml") -> str:
    file = folder / name
    file.write_text(document if isinstance(document, str) else yaml.safe_dump(document))
    return str(file)


def said(entries: list[Entry]) -> dict[str, dict[str, Any]]:
    return {
        entry.column: {field: getattr(entry, field) for field in WORDS if getattr(entry, field)} for entry in entries
    }


def test_what_is_written_passes_the_official_model_and_schema(flights: Workspace) -> None:
    document = read_yaml(write_yaml(write_odcs(sheet(flights))), "flights")
    jsonschema.validate(document, SCHEMA)
    model = OpenDataContractStandard.model_validate(document)
    assert model.apiVersion == "v3.1.0"
    assert model.schema_
    table = model.schema_[0]
    assert table.properties
    columns = {column.name: column for column in table.properties}
    assert (columns["flight_id"].primaryKey, columns["flight_id"].required, columns["flight_id"].unique) == (True,) * 3
    assert [
        columns[name].logicalType for name in ("flight_id", "dep_delay", "time_hour", "day", "late", "carrier")
    ] == [
        "integer",
        "number",
        "timestamp",
        "date",
        "boolean",
        "string",
    ]
    assert columns["tail num"].classification == "restricted"
    assert columns["dep_delay"].businessName == "Delay at the gate"
    assert model.slaProperties
    assert [(one.property, one.value, one.unit, one.element) for one in model.slaProperties] == [
        ("latency", 2, "d", "flights.time_hour"),
        ("latency", 36, "h", "flights"),
    ]


def test_library_metrics_are_used_where_the_standard_has_one(flights: Workspace) -> None:
    table = write_odcs(sheet(flights))["schema"][0]
    rules = {one["name"]: one for one in table["quality"]}
    for column in table["properties"]:
        rules |= {one["name"]: one for one in column.get("quality", [])}
    assert (rules["row_count"]["metric"], rules["row_count"]["mustBeGreaterOrEqualTo"]) == ("rowCount", 100)
    assert rules["null_values(dep_delay)"]["unit"] == "percent"
    assert rules["missing_values(tail num)"]["arguments"] == {"missingValues": [None, "", "N/A", "-999"]}
    assert rules["duplicate_values(carrier, time_hour)"]["arguments"] == {"properties": ["carrier", "time_hour"]}
    assert rules["carriers we know"]["arguments"] == {"validValues": ["UA", "AA", "DL"]}
    assert rules["range(dep_delay)"]["query"] == (
        "SELECT count(*) FROM {object} WHERE {property} < -60 OR {property} > 1500"
    )
    with_lines = [name for name, rule in rules.items() if "customProperties" in rule]
    assert not [name for name in with_lines if "query" not in rules[name]], "metrics say all there is"


def test_contract_and_words_come_back_as_they_were(flights: Workspace, tmp_path: Path, data: Path, warm: Path) -> None:
    file = str(tmp_path / "flights.odcs.yaml")
    assert run(flights, "export", "odcs", "flights", file) == 0
    before, words = contract(flights), said(flights.store.read(lambda t: entries_of(t, "flights")))
    add_documented(flights, "copied", words=False)
    text = Path(file).read_text().replace("FROM flights", "FROM copied")
    assert run(flights, "import", "odcs", write(tmp_path, text, "copied.yaml"), "--dataset", "copied") == 0
    after = contract(flights, "copied")
    assert (after.columns, after.mode) == (before.columns, before.mode)
    lines = [check_text(check).replace("FROM copied", "FROM flights") for check in after.checks]
    assert sorted(lines) == sorted(map(check_text, before.checks))
    assert said(flights.store.read(lambda t: entries_of(t, "copied"))) == words
    imported = flights.store.read(lambda t: column_entries(t, "copied"))
    assert {entry.writers.get("description", "") for entry in imported} <= {"", "copied.yaml (odcs)"}


def test_importing_ones_own_export_changes_nothing(flights: Workspace, tmp_path: Path) -> None:
    file = str(tmp_path / "flights.odcs.yaml")
    run(flights, "export", "odcs", "flights", file)
    before = contract(flights)
    assert run(flights, "import", "odcs", file) == 0
    assert contract(flights) == before


OTHERS = {
    "apiVersion": "v3.1.0",
    "kind": "DataContract",
    "id": "x",
    "version": "1.1.0",
    "status": "active",
    "servers": [{"server": "prod", "type": "postgres", "host": "localhost", "port": 1, "database": "d", "schema": "s"}],
    "price": {"priceAmount": 9.95},
    "team": {"members": [{"username": "daustin", "role": "Owner"}, {"username": "x", "role": "Scientist"}]},
    "slaProperties": [
        {"property": "latency", "value": 4, "unit": "d", "element": "tbl.time_hour"},
        {"property": "retention", "value": 3, "unit": "y"},
    ],
    "schema": [
        {
            "name": "tbl",
            "physicalName": "flights",
            "dataGranularityDescription": "a flight",
            "properties": [
                {
                    "name": "Identity",
                    "physicalName": "flight_id",
                    "primaryKey": True,
                    "primaryKeyPosition": 1,
                    "logicalType": "integer",
                    "physicalType": "int8",
                    "encryptedName": "enc",
                },
                {
                    "name": "dep_delay",
                    "logicalType": "number",
                    "logicalTypeOptions": {"minimum": -60, "exclusiveMaximum": 1500, "format": "f32"},
                    "quality": [
                        {"type": "text", "description": "Looks right"},
                        {"metric": "nullValues", "mustBeLessThan": 20, "unit": "percent", "severity": "low"},
                        {"type": "custom", "engine": "soda", "implementation": "type: x"},
                        {"type": "sql", "query": "SELECT count(*) FROM ${table} WHERE ${column} > 99", "mustBe": 0},
                        {"type": "sql", "query": "DROP TABLE {object}", "mustBe": 0},
                    ],
                },
                {
                    "name": "carrier",
                    "logicalType": "string",
                    "description": "Who flies",
                    "enum": [{"value": "UA"}, {"value": "AA"}],
                    "relationships": [{"to": "airlines.carrier"}, {"to": "schema/a/properties/b"}],
                },
                {"name": "gone", "logicalType": "string", "quality": [{"metric": "nullValues", "mustBe": 0}]},
            ],
        },
        {"name": "receivers", "properties": [{"name": "id", "logicalType": "string"}]},
    ],
}


def test_a_document_of_others_is_read_and_what_is_not_is_said(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    jsonschema.validate(OTHERS, SCHEMA)
    add_documented(workspace)
    assert run(workspace, "import", "odcs", write(tmp_path, OTHERS)) == 0
    assert list(map(check_text, contract(workspace).checks)) == [
        "nulls(dep_delay) < 20% !info",
        "sql = 0: SELECT count(*) FROM flights WHERE dep_delay > 99",
        "unique(flight_id)",
        "nulls(flight_id) = 0",
        "dep_delay >= -60 and < 1500",
        "carrier -> airlines.carrier",
        "freshness(time_hour) <= 4 days",
    ]
    assert [(column.name, column.type) for column in contract(workspace).columns] == [
        ("flight_id", "BIGINT"),
        ("dep_delay", "DOUBLE"),
        ("carrier", "VARCHAR"),
    ]
    printed = capsys.readouterr().out
    for words in (
        "table receivers: no such dataset is registered",
        "column gone: flights has none of that name",
        "rule 'Looks right' of dep_delay: a text rule cannot be run here",
        "a custom rule of soda cannot be run here",
        "relationship to schema/a/properties/b: only `table.column` is read",
        "team: only its owner is kept",
        "service level retention",
        "left out: servers",
        "left out: price",
        "logicalTypeOptions.format of dep_delay",
        "encryptedName of flight_id",
        "dataGranularityDescription",
        "owner of flights: anna has written another",
    ):
        assert words in printed, words
    assert 'next: check_data(dataset="flights")' in printed
    rule = next(line for line in printed.splitlines() if "sql(DROP TABLE" in line)
    assert "left out" in rule


def test_a_persons_words_stay_and_an_earlier_imports_do_not(workspace: Workspace, tmp_path: Path) -> None:
    add_documented(workspace)
    for words in ("first", "second"):
        column = {"name": "dep_delay", "logicalType": "number", "description": words}
        day = {"name": "day", "logicalType": "date", "description": words}
        document = {**OTHERS, "schema": [{"name": "flights", "properties": [column, day]}]}
        run(workspace, "import", "odcs", write(tmp_path, document))
    entries = {entry.column: entry for entry in workspace.store.read(lambda t: column_entries(t, "flights"))}
    assert entries["dep_delay"].description.startswith("Departure delay.")
    assert entries["day"].description == "second"


def test_a_dry_run_writes_nothing(workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_documented(workspace)
    assert run(workspace, "import", "odcs", write(tmp_path, OTHERS), "--dry-run") == 0
    assert "would be written; a contract with" in capsys.readouterr().out
    assert workspace.store.read(lambda t: contract_of(t, "flights")) is None


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


UNREADABLE = [
    ("kind: [", "is no YAML"),
    ("- a\n- b", "holds no mapping"),
    ("kind: Other", "is no data contract"),
    ("!!python/object/apply:os.system ['true']", "is no YAML"),
    (BOMB, "repeats itself into more than"),
    ("kind: DataContract\nschema: [{name: other}]", "no dataset of that name is registered"),
    ("kind: DataContract\nschema: 3", "no table"),
    ("x: '" + "y" * (5 << 20) + "'", "more than 4 MB"),
]


def test_what_cannot_be_read_is_refused_in_words(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add_documented(workspace)
    for text, words in UNREADABLE:
        assert run(workspace, "import", "odcs", write(tmp_path, text)) == 1
        assert words in capsys.readouterr().err
