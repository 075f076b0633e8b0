"""dbt's property files: what they say of columns becomes words, and their data tests become checks."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlsteward.contracts.parse import read_checks
from mlsteward.contracts.text import check_text
from mlsteward.errors import NotSupported
from mlsteward.exchange.dbt import read_dbt
from mlsteward.exchange.dbt_tests import read_test
from mlsteward.exchange.document import Described, Target
from mlsteward.server.cli import main
from mlsteward.store.contracts import contract_of
from mlsteward.store.dictionary import find_entry
from mlsteward.workspace import Workspace
from tests.exchange_sheets import add_documented, columns_of

PROJECT = Path(__file__).parent / "exchange" / "dbt_project"
COLUMNS = {"flight_id": "BIGINT", "carrier": "VARCHAR", "dep_delay": "DOUBLE", "time_hour": "TIMESTAMP"}
FLIGHTS = Target.model_validate(
    {"name": "flights", "columns": [{"name": name, "type": kind} for name, kind in COLUMNS.items()]}
)


def read(text: str) -> Described:
    (found,) = read_dbt(yaml.safe_load(text), {"flights": FLIGHTS})
    return found


@pytest.mark.parametrize(
    ("test", "column", "check"),
    [
        ("not_null", "carrier", "nulls(carrier) = 0"),
        ("unique", "flight_id", "unique(flight_id)"),
        ({"accepted_values": {"values": ["UA", "AA"]}}, "carrier", "carrier in (UA, AA)"),
        ({"accepted_values": {"arguments": {"values": ["UA"]}}}, "carrier", "carrier in (UA)"),
        ({"name": "known", "test_name": "accepted_values", "values": ["UA"]}, "carrier", "[known] carrier in (UA)"),
        (
            {"relationships": {"to": "ref('airlines')", "field": "carrier"}},
            "carrier",
            "carrier -> airlines.carrier",
        ),
        (
            {"relationships": {"arguments": {"to": "source('raw', 'Airlines')", "field": "code"}}},
            "carrier",
            "carrier -> airlines.code",
        ),
        ({"not_null": {"config": {"severity": "warn"}}}, "carrier", "nulls(carrier) = 0 !warning"),
        ({"not_null": {"config": {"error_if": ">10"}}}, "carrier", "nulls(carrier) <= 10"),
        ({"not_null": {"severity": "warn", "warn_if": ">= 3"}}, "carrier", "nulls(carrier) < 3 !warning"),
        (
            {"dbt_utils.accepted_range": {"min_value": 0, "max_value": 9}},
            "dep_delay",
            "dep_delay between 0 and 9",
        ),
        (
            {"dbt_utils.accepted_range": {"min_value": 0, "inclusive": False}},
            "dep_delay",
            "dep_delay > 0",
        ),
        (
            {"dbt_utils.unique_combination_of_columns": {"combination_of_columns": ["carrier", "time_hour"]}},
            "",
            "unique(carrier, time_hour)",
        ),
        (
            {"dbt_expectations.expect_column_values_to_match_regex": {"regex": "^[A-Z]"}},
            "carrier",
            "carrier matches /^[A-Z]/",
        ),
        ({"unique": {"column_name": "flight_id"}}, "", "unique(flight_id)"),
    ],
)
def test_a_data_test_is_a_check(test: object, column: str, check: str) -> None:
    found = read_test(test, column, FLIGHTS)
    assert found == read_checks([check], "flights", FLIGHTS.contract_columns)[0]
    assert check_text(found) == check


@pytest.mark.parametrize(
    ("test", "words"),
    [
        ("my_own_test", "no check here does the same"),
        ({"not_null": {"where": "dep_delay > 0"}}, "only at rows where dep_delay > 0"),
        ({"not_null": {"config": {"error_if": "between"}}}, "no comparison with a number"),
        ({"not_null": {"config": {"enabled": False}}}, "switched off"),
        ({"accepted_values": {}}, "it says no values"),
        ({"relationships": {"to": "airlines", "field": "x"}}, "no ref() or source()"),
        ({"dbt_utils.accepted_range": {"min_value": "2013-01-01"}}, "bounds are no numbers"),
        (7, "it is no test"),
    ],
)
def test_a_data_test_without_a_check_is_told(test: object, words: str) -> None:
    with pytest.raises(NotSupported, match=words.replace("(", r"\(").replace(")", r"\)")):
        read_test(test, "carrier", FLIGHTS)


def test_models_sources_seeds_and_both_spellings_are_read() -> None:
    for opening in (
        "models:\n  - ",
        "seeds:\n  - ",
        "snapshots:\n  - ",
        "sources:\n  - name: raw\n    tables:\n    - ",
    ):
        for key in ("tests", "data_tests"):
            indent = " " * (len(opening.rpartition("\n")[2]))
            text = f"{opening}name: flights\n{indent}columns:\n{indent}- name: carrier\n{indent}  {key}: [not_null]\n"
            assert list(map(check_text, read(text).checks)) == ["nulls(carrier) = 0"]


def test_words_come_from_descriptions_meta_and_tags() -> None:
    found = read(
        """
        models:
          - name: FLIGHTS
            description: All departures
            meta: {owner: {name: operations, email: ops@example.com}, cost: 3}
            config: {tags: [core], meta: {sensitivity: internal}}
            columns:
              - name: dep_delay
                description: "{{ doc('delay') }}"
                meta: {unit: minutes}
                tags: late
        """
    )
    assert found.words[""] == {
        "description": "All departures",
        "owner": "operations",
        "sensitivity": "internal",
        "tags": ["core"],
    }
    assert found.words["dep_delay"] == {"unit": "minutes", "tags": ["late"]}
    assert found.left_out == ["meta.cost", "description of dep_delay: it refers to another file of the project"]


def test_a_sources_freshness_is_two_checks() -> None:
    found = read(
        """
        sources:
          - name: raw
            loaded_at_field: time_hour
            freshness: {warn_after: {count: 12, period: hour}, error_after: {count: 2, period: day}}
            tables: [{name: flights}]
        """
    )
    assert list(map(check_text, found.checks)) == [
        "[freshness error] freshness(time_hour) <= 2 days",
        "[freshness warn] freshness(time_hour) <= 12 hours !warning",
    ]


def test_constraints_of_a_models_contract_are_checks() -> None:
    found = read(
        """
        models:
          - name: flights
            constraints: [{type: primary_key, columns: [flight_id, carrier]}, {type: check, expression: "1 = 1"}]
            columns: [{name: flight_id, constraints: [{type: not_null}, {type: primary_key}]}]
        """
    )
    assert list(map(check_text, found.checks)) == [
        "unique(flight_id, carrier)",
        "nulls(flight_id) = 0",
        "unique(flight_id)",
    ]
    assert found.left_out == ["test check: no check here does the same; write it as SQL"]


def test_a_file_is_imported_beside_the_contract_in_force(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add_documented(workspace, checks=["rows >= 1", "nulls(carrier) <= 5"])
    file = PROJECT / "models" / "schema.yml"
    assert main(["import", "dbt", str(file), "--workspace", str(workspace.folder)]) == 0
    contract = workspace.store.read(lambda t: contract_of(t, "flights"))
    assert contract
    lines = list(map(check_text, contract.checks))
    assert lines[:2] == ["rows >= 1", "nulls(carrier) = 0"], "what the file says takes the place of its like"
    assert contract.columns == columns_of(workspace, "flights")
    entry = workspace.store.read(lambda t: find_entry(t, "flights.day"))
    assert (entry.description, entry.writers["description"]) == ("The day of departure", "schema.yml (dbt)")
    delay = workspace.store.read(lambda t: find_entry(t, "flights.dep_delay"))
    assert delay.writers["description"] == "anna"
    assert "description of flights.dep_delay: anna has written another" in capsys.readouterr().out


def test_what_dbt_itself_reads_of_the_file_is_what_is_read_here() -> None:
    """`expected.json` is what dbt's parser found, which `.ci/exchange` holds against dbt again."""
    target = FLIGHTS.model_copy(
        update={
            "columns": [
                *FLIGHTS.columns,
                *Target.model_validate(
                    {
                        "name": "",
                        "columns": [
                            {"name": "day", "type": "DATE"},
                            {"name": "late", "type": "BOOLEAN"},
                            {"name": "tail num", "type": "VARCHAR"},
                        ],
                    }
                ).columns,
            ]
        }
    )
    document: dict[str, Any] = yaml.safe_load((PROJECT / "models" / "schema.yml").read_text())
    (found,) = read_dbt(document, {"flights": target})
    expected: list[dict[str, Any]] = json.loads((PROJECT / "expected.json").read_text())
    kinds = {
        "not_null": "null_values",
        "unique": "duplicate_values",
        "accepted_values": "enum",
        "relationships": "relationship",
    }
    assert sorted((kinds[one["test"]], one["column"], one["severity"]) for one in expected) == sorted(
        (check.type, check.columns[0], {"warning": "WARN", "error": "ERROR"}[check.severity]) for check in found.checks
    )
