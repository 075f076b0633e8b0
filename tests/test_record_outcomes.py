"""The tool `record_outcomes`: late, in pieces, corrected, by id or key, and nothing accepted is lost."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlsteward.data.engine import connect
from mlsteward.serving.outcome_tables import outcome_tables
from mlsteward.serving.prediction_log import prediction_tables
from mlsteward.store.activity import activity_of
from mlsteward.store.outcomes import outcome_files, segments_of
from mlsteward.workspace import Workspace
from tests.conftest import Assistant
from tests.copied import begun, furnished
from tests.deployed import deploy, log

pytestmark = pytest.mark.anyio


def six_answers(workspace: Workspace) -> None:
    deploy(workspace)
    rows = [{"prediction_id": f"p{n}", "key": f"flight {n}", "prediction": "yes" if n % 2 else "no"} for n in range(6)]
    shadow = {"prediction_id": "p1", "key": "flight 1", "prediction": "no", "role": "shadow"}
    log(workspace, "delay", [*rows, shadow])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, warm: Path) -> Path:
    return furnished(tmp_path_factory, warm, six_answers)


@pytest.fixture
def workspace(request: pytest.FixtureRequest) -> Iterator[Workspace]:
    yield from begun(request, "made")


@pytest.fixture
def house(made: Path, workspace: Workspace) -> Workspace:
    return workspace


async def record(assistant: Assistant, **arguments: Any) -> dict[str, Any]:
    answer = await assistant.call("record_outcomes", deployment="delay", **arguments)
    while answer.get("state", "completed") != "completed":
        answer = await assistant.call("get_run", run=answer["run"], wait_seconds=20)
    return answer


def known(workspace: Workspace, classes: tuple[str, ...] = ("no", "yes")) -> dict[str, tuple[Any, ...]]:
    """Outcome, whether it was right, and words, by prediction."""
    files = workspace.store.read(lambda t: outcome_files(t, "delay"))
    sql = outcome_tables(workspace.folder, files, prediction_tables(workspace.folder, "delay"), classes)
    with connect(threads=1) as connection:
        rows = connection.execute(f"SELECT prediction_id, outcome, correct, why FROM ({sql})").fetchall()
    assert len({row[0] for row in rows}) == len(rows)
    return {name: rest for name, *rest in rows}  # pyright: ignore[reportReturnType] - lists compare with lists below


async def test_outcomes_come_late_in_pieces_by_id_and_by_key(
    house: Workspace, assistant: Assistant, data: Path
) -> None:
    (data / "first.csv").write_text("prediction_id,late\np0,no\np1,no\n", "utf-8")
    answer = await record(assistant, source="first.csv")
    assert answer["verdict"] == (
        "2 outcomes recorded: 2 of predictions without one before. 2 of 6 predictions of delay have an outcome now."
    )
    assert answer["next"] == 'check_deployment(deployment="delay")'
    (data / "later.csv").write_text("flight,late\nflight 2,yes\nflight 99,no\nflight 3,\n", "utf-8")
    later = await record(assistant, source="later.csv", key="flight")
    assert (later["matched"], later["unmatched"], later["known"]) == (1, 1, 3)
    assert later["notes"] == ["1 row has no outcome yet: left out"]
    assert known(house) == {"p0": ["no", True, ""], "p1": ["no", False, ""], "p2": ["yes", False, ""]}
    change = house.store.read(lambda t: activity_of(t, "deployment:delay"))[0]
    assert (change.action, change.why) == ("record_outcomes", "2 outcomes from later.csv")
    assert change.run == later["run"]


async def test_the_last_outcome_counts_and_what_was_said_before_is_kept(house: Workspace, assistant: Assistant) -> None:
    await record(assistant, rows=[{"prediction_id": "p1", "outcome": "yes"}])
    answer = await record(assistant, rows=[{"key": "flight 1", "outcome": "no"}, {"key": "flight 2", "late": "no"}])
    assert (answer["matched"], answer["corrected"]) == (1, 1)
    assert known(house)["p1"] == ["no", False, ""]
    pieces = house.store.read(lambda t: segments_of(t, "delay"))
    assert [piece.rows for piece in pieces] == [1, 2], "both pieces stay"


async def test_all_that_was_said_is_read_in_sql(house: Workspace, assistant: Assistant) -> None:
    sql = "SELECT prediction_id, outcome, correct, why, actor IS NOT NULL FROM outcomes.delay ORDER BY run, place"
    assert (await assistant.call("query_data", sql=sql))["rows"] == []
    await record(assistant, rows=[{"prediction_id": "p1", "outcome": "yes"}])
    await record(assistant, rows=[{"prediction_id": "p1", "outcome": "no"}])
    await record(assistant, rows=[{"prediction_id": "p2", "correct": False, "why": "it left on time"}])
    answer = await assistant.call("query_data", sql=sql)
    assert answer["rows"] == [
        ["p1", "yes", None, None, True],
        ["p1", "no", None, None, True],
        ["p2", None, False, "it left on time", True],
    ]
    assert answer["next"] == 'check_deployment(deployment="delay")'
    joined = "SELECT p.prediction, o.why FROM outcomes.delay AS o JOIN predictions.delay AS p USING (prediction_id)"
    assert ["no", "it left on time"] in (await assistant.call("query_data", sql=joined))["rows"]
    assert "no deployment" in await assistant.error("query_data", sql="SELECT * FROM outcomes.dela")
    assert "outcomes.delay" in await assistant.error("transform_dataset", name="kept", sql="FROM outcomes.delay")


async def test_the_same_again_is_nothing_new(house: Workspace, assistant: Assistant) -> None:
    word = [{"prediction_id": "p1", "outcome": "yes"}]
    await record(assistant, rows=word)
    answer = await record(assistant, rows=word)
    assert answer["verdict"] == "Nothing new: 1 outcome recorded already."
    assert len(house.store.read(lambda t: segments_of(t, "delay"))) == 1


async def test_a_users_word_says_right_or_wrong_and_why_until_a_label_comes(
    house: Workspace, assistant: Assistant
) -> None:
    await record(
        assistant,
        rows=[
            {"prediction_id": "p1", "correct": True},
            {"prediction_id": "p2", "correct": "wrong", "why": "it left an hour late"},
        ],
    )
    assert known(house) == {"p1": ["yes", True, ""], "p2": ["yes", False, "it left an hour late"]}
    assert known(house, ("no", "yes", "perhaps"))["p2"] == [None, False, "it left an hour late"]
    await record(assistant, rows=[{"prediction_id": "p2", "outcome": "no"}])
    await record(assistant, rows=[{"prediction_id": "p2", "correct": False}])
    assert known(house)["p2"] == ["no", True, "it left an hour late"], "a label counts before a word"


async def test_a_key_that_comes_again_has_an_outcome_each_time(workspace: Workspace, assistant: Assistant) -> None:
    deploy(workspace)
    first = [{"prediction_id": f"a{n}", "key": "7", "prediction": "no", "hour": n} for n in range(2)]
    log(workspace, "delay", first)
    await record(assistant, rows=[{"key": 7, "outcome": "yes"}])
    await record(assistant, rows=[{"key": 7.0, "outcome": "no"}])
    # The outcomes were recorded now, long after these predictions; the next one is made after both.
    log(workspace, "delay", [{"prediction_id": "b", "key": "7", "prediction": "no", "hour": 24 * 365 * 50}])
    assert known(workspace) == {"a0": ["no", True, ""], "a1": ["no", True, ""]}, "a correction goes to what it corrects"


async def test_an_outcome_that_came_before_its_prediction_counts_when_it_is_there(
    workspace: Workspace, assistant: Assistant
) -> None:
    deploy(workspace)
    answer = await record(assistant, rows=[{"prediction_id": "p9", "outcome": "yes"}])
    assert (answer["unmatched"], answer["known"]) == (1, 0)
    log(workspace, "delay", [{"prediction_id": "p9", "prediction": "yes"}])
    assert known(workspace) == {"p9": ["yes", True, ""]}


async def test_outcomes_come_from_a_dataset_and_lineage_says_so(house: Workspace, assistant: Assistant) -> None:
    await assistant.call(
        "register_dataset", name="truths", content="prediction_id,late\np0,no\np1,yes\np2,no\n", wait_seconds=20
    )
    answer = await record(assistant, source="truths")
    assert answer["matched"] == 3
    traced = await assistant.text("trace_lineage", asset="dataset:truths@1", direction="downstream")
    assert "deployment:delay" in traced


async def test_numbers_are_outcomes_of_a_regression(workspace: Workspace, assistant: Assistant) -> None:
    deploy(workspace, classes=())
    log(workspace, "delay", [{"prediction_id": f"p{n}", "prediction": str(n * 1.5)} for n in range(3)])
    answer = await record(
        assistant, rows=[{"prediction_id": "p1", "outcome": 2}, {"prediction_id": "p2", "minutes": 2.5}]
    )
    assert answer["matched"] == 2
    assert known(workspace, ()) == {"p1": ["2", None, ""], "p2": ["2.5", None, ""]}
    error = await assistant.error(
        "record_outcomes", deployment="delay", rows=[{"prediction_id": "p1", "outcome": "late"}]
    )
    assert "None of the 1 outcomes is a number; nothing was recorded." in error


async def test_a_prediction_of_a_number_can_be_called_wrong_without_the_number(
    workspace: Workspace, assistant: Assistant
) -> None:
    deploy(workspace, classes=())
    log(workspace, "delay", [{"prediction_id": "p1", "prediction": "1.5"}])
    await record(assistant, rows=[{"prediction_id": "p1", "correct": False, "why": "far too early"}])
    assert known(workspace, ()) == {"p1": [None, False, "far too early"]}


BAD_CALLS: list[tuple[dict[str, Any], str]] = [
    ({}, "either a source of outcomes or rows"),
    ({"source": "a.csv", "rows": [{"key": "1", "outcome": "no"}]}, "either a source of outcomes or rows"),
    ({"rows": [{"outcome": "no"}]}, "row 1 names its prediction by either prediction_id or key"),
    ({"rows": [{"prediction_id": "p1"}]}, "row 1 says nothing"),
    ({"rows": [{"prediction_id": "p1", "corect": True}]}, "did you mean `correct`?"),
    ({"rows": [{"prediction_id": "p1", "correct": "maybe"}]}, "correct='maybe': it is true or false"),
    ({"rows": [{"prediction_id": "p1", "outcome": ["no"]}]}, "not a single value"),
    ({"rows": [{"prediction_id": "p1", "why": "x" * 3000}]}, "2000 at most"),
    (
        {"rows": [{"prediction_id": "p1", "outcome": "maybe"}]},
        "is a class of delay@1; nothing was recorded. The classes",
    ),
    ({"rows": [{"key": str(n), "outcome": "no"} for n in range(1001)]}, "put them into a file"),
    ({"source": "none.csv"}, "There is no file none.csv"),
    ({"source": "wrong.csv"}, "neither `prediction_id` nor `key` among flight, late"),
    ({"source": "wrong.csv", "key": "fligt"}, "Did you mean `flight`?"),
    ({"source": "wrong.csv", "key": "flight", "outcome": "lat"}, "Did you mean `late`?"),
    ({"source": "blank.csv"}, "holds no outcome that could be recorded (1 row has no outcome yet"),
    ({"source": "torn.parquet"}, "torn.parquet cannot be read: "),
    ({"source": "deep.json"}, "deep.json cannot be read: "),
    ({"rows": [{"key": "\ud800", "outcome": "no"}]}, "row 1 has a key that is no valid Unicode text"),
    ({"source": "postgresql://u:p@host/db#t"}, "files, addresses without passwords, and datasets"),
]


async def test_what_is_wrong_is_said_and_nothing_recorded(house: Workspace, assistant: Assistant, data: Path) -> None:
    (data / "wrong.csv").write_text("flight,late\nflight 2,yes\n", "utf-8")
    (data / "blank.csv").write_text("prediction_id,late\np1,\n", "utf-8")
    (data / "torn.parquet").write_bytes(b"PAR1" + bytes(100) + b"PAR1")
    (data / "deep.json").write_text("[" * 20_000)
    for arguments, words in BAD_CALLS:
        assert words in await assistant.error("record_outcomes", deployment="delay", **arguments)
    unknown = await assistant.error("record_outcomes", deployment="dely", rows=[{"key": "1", "outcome": "no"}])
    assert "Did you mean `delay`?" in unknown
    assert not house.store.read(lambda t: segments_of(t, "delay"))
    assert not list((house.folder / "runs").glob("*/temp"))


async def test_labels_masked_for_a_caller_are_not_read_from_a_dataset(
    house: Workspace, assistant: Assistant, uncleared: Assistant
) -> None:
    await assistant.call("register_dataset", name="truths", content="prediction_id,late\np0,no\n", wait_seconds=20)
    await assistant.call("document_asset", asset="column:truths.late", sensitivity="confidential")
    assert "late" in await uncleared.error("record_outcomes", deployment="delay", source="truths")
    answer = await record(uncleared, rows=[{"prediction_id": "p0", "outcome": "no"}])
    assert answer["matched"] == 1


KILLED = """
import sys, time
from pathlib import Path
from mlsteward.config import Settings
from mlsteward.runs.actor import Actor
from mlsteward.runs.outcome_request import outcome_request
from mlsteward.workspace import Workspace

workspace = Workspace(Settings(workspace=Path(sys.argv[1]), data=[]))
number = 0
while True:
    rows = [{"prediction_id": f"p{number}", "outcome": "yes"}]
    def read(t):
        return outcome_request(t, workspace, "delay", "", rows, key="", outcome="", actor="ann")
    run = workspace.runs.start("outcomes", workspace.store.read(read), actor=Actor(name="ann"))
    if workspace.runs.wait(run, 60).state == "completed":
        print(number, flush=True)
    number += 1
"""


def test_no_accepted_outcome_is_lost_when_the_server_is_killed(workspace: Workspace) -> None:
    deploy(workspace)
    log(workspace, "delay", [{"prediction_id": f"p{n}", "prediction": "no"} for n in range(200)])
    accepted: list[int] = []
    for kill_after in (1, 2):
        script = [sys.executable, "-c", KILLED, str(workspace.folder)]
        with subprocess.Popen(script, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout
            accepted += [int(server.stdout.readline()) for _ in range(kill_after)]
            os.kill(server.pid, signal.SIGKILL)
            accepted += [int(line) for line in server.stdout]
    workspace.runs.take_in()
    found = known(workspace)
    assert {f"p{number}" for number in accepted} <= set(found)
    orphans = {file.name for file in (workspace.folder / "deployments" / "delay" / "outcomes").glob("*.parquet")}
    assert {Path(piece.file).name for piece in workspace.store.read(lambda t: segments_of(t, "delay"))} <= orphans
