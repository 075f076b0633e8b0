"""Croissant documents and data sheets of a dataset, written by `mlsteward export`."""

import json
from pathlib import Path

import pytest

from mlsteward.exchange.croissant import write_croissant
from mlsteward.exchange.markdown import write_markdown
from mlsteward.server.cli import main
from mlsteward.server.commands.checkout import checkout
from mlsteward.workspace import Workspace
from tests.exchange_sheets import add_checks, add_documented, sheet


@pytest.fixture
def flights(workspace: Workspace) -> Workspace:
    add_documented(workspace, checks=["unique(flight_id)", "nulls(flight_id) = 0", "carrier in (UA, AA, DL) !warning"])
    return workspace


def test_a_croissant_document_names_the_file_that_checkout_writes(flights: Workspace, tmp_path: Path) -> None:
    from mlsteward.data.snapshot import hash_file

    assert (
        main(["export", "croissant", "flights@golden", str(tmp_path / "c.json"), "--workspace", str(flights.folder)])
        == 0
    )
    document = json.loads((tmp_path / "c.json").read_text())
    checkout(flights.settings, "flights", str(tmp_path))
    (file,) = document["distribution"]
    assert hash_file(tmp_path / file["contentUrl"]) == file["sha256"]
    (records,) = document["recordSet"]
    fields = {field["name"]: field for field in records["field"]}
    assert records["key"] == [{"@id": "flights/flight_id"}]
    assert {name: field["dataType"] for name, field in fields.items()} == {
        "flight_id": "sc:Integer",
        "carrier": "sc:Text",
        "dep_delay": "sc:Float",
        "time_hour": "sc:DateTime",
        "day": "sc:Date",
        "late": "sc:Boolean",
        "tail num": "sc:Text",
    }
    assert fields["dep_delay"]["description"] == "Departure delay.\nNegative when early. Unit: minutes."


def test_a_croissant_document_says_nothing_that_is_not_known(workspace: Workspace) -> None:
    add_documented(workspace, words=False)
    document = write_croissant(sheet(workspace))
    assert not {"creator", "keywords"} & document.keys()
    assert "key" not in document["recordSet"][0]
    assert document["description"] == "200 rows of flights."


def test_the_data_sheet_has_words_contract_relationships_and_versions(flights: Workspace) -> None:
    text = write_markdown(sheet(flights))
    assert text.startswith("# flights\n\n`flights@1`\n\nAll departures: late, on time & cancelled.")
    for words in (
        "- owner: operations",
        "| dep_delay | DOUBLE | Delay at the gate: Departure delay. Negative when early. | minutes |",
        "one of UA, AA, DL",
        "| tail num | VARCHAR |  |  | category | masked (restricted) |",
        "Version 1, by anna: a version of the data that breaks it is reported.",
        "| duplicate_values(flight_id) | unique(flight_id) | error |",
        "- flights.carrier → airlines.carrier (96.0% of rows found)",
        "| flights@1 | golden | 200 |",
    ):
        assert words in text, words


def test_documents_go_to_standard_output_unless_a_file_is_named(
    flights: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = ["--workspace", str(flights.folder)]
    assert main(["export", "markdown", "flights", *workspace]) == 0
    assert capsys.readouterr().out == write_markdown(sheet(flights))
    assert main(["export", "markdown", "flights", str(tmp_path / "sheet.md"), *workspace]) == 0
    assert (tmp_path / "sheet.md").read_text() == write_markdown(sheet(flights))
    assert main(["export", "odcs", "flihgts", *workspace]) == 1
    assert "Did you mean `flights`?" in capsys.readouterr().err
    nowhere = str(tmp_path / "nowhere" / "sheet.md")
    assert main(["export", "markdown", "flights", nowhere, *workspace]) == 1
    assert f"{nowhere} cannot be written: No such file or directory." in capsys.readouterr().err


def test_values_above_the_clearance_are_in_no_document(flights: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    add_checks(flights, '"tail num" in (N1, N49)')
    for format in ("odcs", "croissant", "markdown"):
        flags = ["--workspace", str(flights.folder), "--clearance", "internal"]
        assert main(["export", format, "flights", *flags]) == 0
        assert "N49" not in capsys.readouterr().out
