"""`promote_model`: gates, their evidence, and what becomes of the alias."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import numpy as np
import pytest

from mlsteward.gates.rules import Gates
from mlsteward.store.aliases import aliases_of
from mlsteward.workspace import Workspace
from tests import served_flights
from tests.conftest import Assistant, assistant_of, new_workspace
from tests.judged import flights
from tests.promoted import (
    NOBODY,
    PATIENT,
    QUICK,
    STUMP,
    gate,
    only,
    outcomes,
    policy,
    promote,
    promoting,
    register,
    train,
)

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def flown(tmp_path_factory: pytest.TempPathFactory, warm: Path) -> Iterator[Workspace]:
    workspace = promoting(tmp_path_factory.mktemp("promote"), warm)
    yield workspace
    workspace.close()


@pytest.fixture
async def assistant(flown: Workspace) -> AsyncIterator[Assistant]:
    policy(flown, NOBODY)
    async with assistant_of(flown) as assistant:
        if not (await assistant.call("list_models")).get("models"):
            await register(assistant, flown, "flights")
            await train(assistant, name="delay")
        yield assistant


async def crown(workspace: Workspace, assistant: Assistant) -> None:
    """Have `delay@1` be champion, and few gates looked at from now on."""
    policy(workspace, NOBODY + QUICK)
    await promote(assistant, model="delay@1", reason="the first")


async def test_a_dry_run_looks_at_every_gate_keeps_the_evidence_and_changes_nothing(
    flown: Workspace, assistant: Assistant
) -> None:
    found = await promote(assistant, model="delay", reason="to see", dry_run=True)
    assert (found["outcome"], found["promoted"], found["passed"]) == ("passed", False, True)
    assert outcomes(found).keys() == Gates.model_fields.keys()
    assert set(outcomes(found, ["baselines", "leakage", "cost", "artifact", "lineage"]).values()) == {"passed"}
    assert flown.store.read(lambda t: aliases_of(t, "delay")) == {}
    page = (await assistant.call("read_page", uri=found["page"]))["content"]
    assert "## non_inferiority: not applicable" in page
    assert '"held_out_rows"' in page
    rows = await assistant.call(
        "query_data", sql=f"SELECT gate, outcome, value FROM meta.gate_results WHERE run = {found['run']} ORDER BY gate"
    )
    assert len(rows["rows"]) == len(Gates.model_fields)
    run = await assistant.call("get_run", run=str(found["run"]))
    assert "would pass" in run["verdict"]


async def test_the_first_promotion_is_compared_with_no_champion_and_the_alias_then_names_the_model(
    flown: Workspace, assistant: Assistant
) -> None:
    policy(flown, NOBODY + QUICK)
    found = await promote(assistant, model="delay@1", reason="it beats guessing")
    assert found["verdict"].startswith("delay@1 is champion now")
    assert gate(found, "non_inferiority")["outcome"] == "not applicable"
    assert "champion" in (await assistant.call("list_models"))["models"][0]["aliases"]
    predicted = await assistant.call("predict_rows", model="delay@champion", dataset="flights")
    assert predicted["model"] == "delay@1"
    page = (await assistant.call("read_page", uri="mlsteward://models/delay"))["content"]
    assert "champion set on version 1" in page
    assert "it beats guessing" in page
    traced = await assistant.call("trace_lineage", asset="model:delay@champion")
    assert traced["aliases"] == ["model:delay@1 is champion"]
    activity = await assistant.call("list_activity", asset="model:delay")
    assert any(line["action"] == "promote to champion" for line in activity["changes"])
    again = await promote(assistant, model="delay@1", reason="once more")
    assert (again["outcome"], again.get("gates", [])) == ("promoted", [])
    dry = await promote(assistant, model="delay@1", reason="to see", dry_run=True)
    assert again["verdict"] == dry["verdict"]
    assert dry["verdict"] == "delay@1 is champion already: no gate was asked, and nothing changed."


async def test_a_worse_model_is_refused_with_the_gate_and_the_champion_stays(
    flown: Workspace, assistant: Assistant
) -> None:
    await crown(flown, assistant)
    worse = (await train(assistant, name="delay", **STUMP))["model"]
    found = await promote(assistant, model=worse, reason="try it")
    assert found["outcome"] == "refused"
    assert found["failing"] == ["non_inferiority"]
    assert "champion stays delay@1" in found["verdict"]
    assert "worse than delay@1" in gate(found, "non_inferiority")["words"]
    assert f"mlsteward approve {found['run']} --override" in found["approval"]
    assert flown.store.read(lambda t: aliases_of(t, "delay")) == {"champion": 1}
    run = await assistant.call("get_run", run=str(found["run"]))
    assert any("refused by non_inferiority" in line for line in run["findings"])


async def test_a_run_gets_its_name_with_the_promotion_and_not_before(flown: Workspace, assistant: Assistant) -> None:
    run = (await train(assistant))["run"]
    policy(flown, NOBODY + QUICK)
    words = await assistant.error("promote_model", model=f"run:{run}", reason="why")
    assert f'promote_model(model="run:{run}", name="late", reason="…")' in words
    await promote(assistant, model=f"run:{run}", name="fresh", reason="see", dry_run=True)
    assert "no model 'fresh'" in await assistant.error("list_models", name="fresh")
    found = await promote(assistant, model=f"run:{run}", name="fresh", reason="go", alias="challenger")
    assert found["verdict"] == "fresh@1 is challenger now: no gate guards it."
    champion = await promote(assistant, model="fresh@challenger", reason="go on")
    assert champion["outcome"] == "promoted"
    assert flown.store.read(lambda t: aliases_of(t, "fresh")) == {"champion": 1}
    traced = await assistant.call("trace_lineage", asset="model:fresh@1", direction="upstream")
    assert any("flights.csv" in line for line in traced["upstream"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"model": "delay", "reason": " "}, "`reason` stays on the record"),
        ({"model": "delay", "reason": "x", "alias": "latest"}, "always names the newest version"),
        ({"model": "delay", "reason": "x", "alias": "Blue!"}, "Did you mean `blue`?"),
        ({"model": "delay@7", "reason": "x"}, "no version or alias '7'"),
        ({"model": "delay@champ", "reason": "x"}, "Did you mean `delay@champion`"),
        ({"model": "delay", "name": "other", "reason": "x"}, "keeps its name"),
    ],
)
async def test_what_cannot_be_meant_is_refused_in_words(
    flown: Workspace, assistant: Assistant, arguments: dict[str, str], words: str
) -> None:
    if "@champ" in arguments["model"]:
        await crown(flown, assistant)
    assert words in await assistant.error("promote_model", **arguments)


async def test_with_mistakes_in_its_policy_nothing_is_promoted(flown: Workspace, assistant: Assistant) -> None:
    policy(flown, "[gates.non_inferiority]\nmargine = 0.1\n[gates.costs]\n")
    before = (await assistant.call("list_runs", kind=""))["total"]
    words = await assistant.error("promote_model", model="delay@1", reason="x", alias="blue")
    assert "line 2: `gates.non_inferiority.margine` is not known: did you mean `margin`?" in words
    assert "line 3: `gates.costs` is not known: did you mean `cost`?" in words
    assert 'read_page(uri="mlsteward://policy")' in words
    assert (await assistant.call("list_runs", kind=""))["total"] == before


async def test_models_of_different_targets_are_not_comparable(flown: Workspace, assistant: Assistant) -> None:
    await crown(flown, assistant)
    await train(assistant, name="delay", target="minutes", exclude=["late", "day"], estimator="ridge")
    found = await promote(assistant, model="delay", reason="numbers instead")
    assert found["failing"] == ["non_inferiority"]
    assert gate(found, "non_inferiority")["outcome"] == "not comparable"
    assert "delay@1 predicts late (binary)" in gate(found, "non_inferiority")["words"]


async def test_without_rows_that_neither_knew_models_are_not_comparable(flown: Workspace, assistant: Assistant) -> None:
    old = flights(1500, 0)
    await register(assistant, flown, "old", old.head(900))
    for dataset in ("flights", "old"):
        await train(assistant, dataset, name="timed", split="time", time_column="day")
    policy(flown, NOBODY + QUICK)
    await promote(assistant, model="timed@1", reason="first")
    found = await promote(assistant, model="timed@2", reason="second")
    assert gate(found, "non_inferiority")["outcome"] == "not comparable"
    assert "no rows that neither model was fitted or tuned on" in gate(found, "non_inferiority")["words"]
    assert found["outcome"] == "refused"


async def test_with_too_few_rows_it_cannot_tell_and_the_policy_says_what_follows(
    flown: Workspace, assistant: Assistant
) -> None:
    await register(assistant, flown, "few", flights(130, 3))
    await train(assistant, "few", name="small")
    await train(assistant, "few", name="small", **STUMP)
    policy(flown, NOBODY + QUICK)
    await promote(assistant, model="small@1", reason="first")
    found = await promote(assistant, model="small@2", reason="second")
    assert gate(found, "non_inferiority")["outcome"] == "cannot tell"
    assert found["failing"] == ["non_inferiority"]
    policy(flown, NOBODY + QUICK + '[gates.non_inferiority]\nundecided = "warn"\n')
    assert (await promote(assistant, model="small@2", reason="again"))["outcome"] == "promoted"


async def test_a_row_that_was_corrected_since_is_still_one_that_the_champion_was_fitted_on(
    flown: Workspace, assistant: Assistant
) -> None:
    frame = flights(1200, 7)
    frame.insert(0, "flight_id", np.arange(1, 1201) * 13)
    await register(assistant, flown, "keyed", frame)
    await assistant.call("document_asset", asset="keyed.flight_id", role="key")
    await train(assistant, "keyed", name="keyed")
    frame["distance"] += 1
    await register(assistant, flown, "keyed", frame)
    await train(assistant, "keyed", name="keyed", test_size=0.5)
    policy(flown, NOBODY + QUICK)
    await promote(assistant, model="keyed@1", reason="first")
    found = await promote(assistant, model="keyed@2", reason="larger test")
    rows = await assistant.call("query_data", sql="SELECT count(*) FROM keyed")
    assert rows["rows"] == [[1200]]
    page = (await assistant.call("read_page", uri=found["page"]))["content"]
    shared = int(page.partition('"rows": ')[2].partition(",")[0])
    # A fifth of the rows was held out by both, whatever their features are now.
    assert 190 < shared < 290


async def test_what_endpoints_were_asked_is_held_against_the_training_rows(tmp_path: Path, warm: Path) -> None:
    workspace = new_workspace(tmp_path / "served", tmp_path, warm, max_wait=PATIENT)
    policy(workspace, only("live_drift"))
    await served_flights.train(workspace, tmp_path, split="row")
    late = flights(600, 9)
    late["dep_delay"] += 90
    served_flights.serve(workspace, late, begin=served_flights.moment(5), end=served_flights.moment(1))
    async with assistant_of(workspace) as assistant:
        found = await promote(assistant, model="delay", reason="still good?", dry_run=True)
    assert gate(found, "live_drift")["outcome"] == "warned"
    assert "600 rows of deployment:delay against 3,000 training rows" in gate(found, "live_drift")["words"]
    workspace.close()


async def test_gates_find_what_is_wrong_with_data_limits_groups_and_live_rows(
    flown: Workspace, assistant: Assistant
) -> None:
    frame = flights(1500, 5)
    frame["group"] = np.where(frame["dep_delay"] > 15, "alpha", "beta")
    await register(assistant, flown, "faulty", frame)
    await train(assistant, "faulty", name="faulty", exclude=["minutes", "day", "group"])
    await assistant.call("set_contract", dataset="faulty", checks=["distance between 0 and 2000"])
    await assistant.call("document_asset", asset="faulty.dep_delay", available_at="after")
    frame["dep_delay"] += 60
    await register(assistant, flown, "faulty", frame)
    policy(
        flown,
        NOBODY
        + "[gates.thresholds]\nmin = { roc_auc = 0.95 }\n[gates.cost]\nmost_megabytes = 0.001\n"
        + '[models.faulty.gates.fairness]\ncolumns = ["group"]\n[gates.live_drift]\non = true\n',
    )
    found = await promote(assistant, model="faulty@1", reason="surely", dry_run=True)
    failing = {"contract", "thresholds", "fairness", "leakage", "live_drift", "cost"}
    assert set(found["failing"]) == failing
    assert "`dep_delay`" in gate(found, "leakage")["words"]
    assert "faulty@2" in gate(found, "live_drift")["words"]
    assert "would be refused" in found["verdict"]
    assert "alpha" in gate(found, "fairness")["words"]
    await assistant.call("document_asset", asset="faulty.group", sensitivity="confidential")
    policy(flown, only("fairness") + '[models.faulty.gates.fairness]\ncolumns = ["group"]\n')
    hidden = await promote(assistant, model="faulty@1", reason="surely", dry_run=True)
    assert "fairness" in hidden["failing"]
    page = (await assistant.call("read_page", uri=hidden["page"]))["content"]
    assert not any(value in page for value in ("alpha", "beta"))
    async with assistant_of(flown.seen_by("internal")) as other:
        await assistant.call("document_asset", asset="faulty.dep_delay", sensitivity="restricted")
        assert "cannot be used here" in await other.error("promote_model", model="faulty@1", reason="x")
        seen = await other.call("query_data", sql="SELECT DISTINCT words FROM meta.gate_results")
        assert seen["rows"] == [["masked"]]


async def test_a_file_that_is_not_the_registered_one_fails_by_name(flown: Workspace, assistant: Assistant) -> None:
    run = (await train(assistant, name="forged"))["run"]
    file = flown.folder / f"runs/{run}/artifacts/model.skops"
    file.chmod(0o644)
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    found = await promote(assistant, model="forged", reason="x", dry_run=True)
    assert gate(found, "artifact")["outcome"] == "failed"
    assert "not the registered one" in gate(found, "artifact")["words"]
    assert gate(found, "baselines")["outcome"] == "cannot tell"
    assert found["failing"] == ["artifact"]
