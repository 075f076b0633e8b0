"""`check_drift` as an assistant calls it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlsteward.workspace import Workspace
from tests.conftest import Assistant, new_workspace
from tests.drift_tables import hours

pytestmark = pytest.mark.anyio
PATIENCE = 120.0


@pytest.fixture
def workspace(tmp_path: Path, data: Path, warm: Path) -> Iterator[Workspace]:
    """One that waits for a run on however busy a machine."""
    workspace = new_workspace(tmp_path / "workspace", data, warm, max_wait=PATIENCE)
    yield workspace
    workspace.close()


async def register(assistant: Assistant, name: str) -> None:
    await assistant.call("register_dataset", name=name, source=f"{name}.csv", wait_seconds=PATIENCE)


async def check(assistant: Assistant, **arguments: Any) -> dict[str, Any]:
    return await assistant.call("check_drift", **arguments, wait_seconds=PATIENCE)


def scored(path: Path, *, seed: int = 2, shift: float = 0.0, days: int = 60) -> None:
    """Predictions of an ordinary stretch of time, of which the last week may be off."""
    random = np.random.default_rng(seed)
    rows = days * 40
    amount = random.normal(50, 10, rows)
    amount[-7 * 40 :] += 10 * shift
    pd.DataFrame(
        {
            "order_id": np.arange(rows),
            "ordered_at": hours(days, 40),
            "amount": amount.round(2),
            "channel": random.choice(["web", "shop", "phone"], rows, p=[0.6, 0.3, 0.1]),
            "score": random.uniform(size=rows).round(3),
        }
    ).to_csv(path, index=False)


async def test_predictions_feel_off_this_week_is_answered_by_one_call(assistant: Assistant, data: Path) -> None:
    scored(data / "scored.csv", shift=1.0)
    await register(assistant, "scored")
    answer = await check(assistant, current="scored", since="7 days")
    assert answer["drift"] == "drift"
    assert "`amount` (median" in answer["verdict"]
    assert [column["column"] for column in answer["columns"] if column["verdict"] == "drift"] == ["amount"]
    assert "order_id (an identifier)" in answer["left_out"]
    assert "rows of one day stay together" in answer["assumption"]
    assert answer["next"] == 'lookup_data_dictionary(query="amount", dataset="scored")'
    page = await assistant.text("read_page", uri=answer["page"])
    assert "| amount | drift |" in page


async def test_an_ordinary_week_stays_quiet(assistant: Assistant, data: Path) -> None:
    scored(data / "scored.csv")
    await register(assistant, "scored")
    text = await assistant.text("check_drift", current="scored", since="7 days", wait_seconds=PATIENCE)
    assert text.startswith("Stable: no drift in 3 columns")
    assert "channel | stable" in text


async def test_a_new_version_is_compared_with_the_one_before(assistant: Assistant, data: Path) -> None:
    for seed in (3, 4):
        scored(data / "scored.csv", seed=seed)
        await register(assistant, "scored")
    answer = await check(assistant, current="scored", columns=["amount", "channel"])
    assert answer["drift"] == "stable"
    assert "scored@2 against scored@1" in answer["verdict"]
    assert answer["total"] == 2


async def test_a_first_version_alone_has_nothing_to_be_compared_with(assistant: Assistant, data: Path) -> None:
    scored(data / "scored.csv", days=8)
    await register(assistant, "scored")
    words = await assistant.error("check_drift", current="scored")
    assert "first version" in words and 'check_drift(current="scored", since="7 days")' in words
    assert "compared with itself" in await assistant.error("check_drift", current="scored", reference="scored@1")


async def test_what_cannot_be_used_is_refused_before_anything_runs(assistant: Assistant, data: Path) -> None:
    scored(data / "scored.csv", days=8)
    await register(assistant, "scored")
    assert "Name the dataset" in await assistant.error("check_drift")
    assert "is no time" in await assistant.error("check_drift", current="scored", since="last tuesday")
    assert "Did you mean `amount`" in await assistant.error(
        "check_drift", current="scored", since="2 days", columns=["amout"]
    )
    assert "Did you mean `ordered_at`" in await assistant.error(
        "check_drift", current="scored", since="1 day", time_column="orderd_at"
    )
    assert "no column 'fortnight'" in await assistant.error(
        "check_drift", current="scored", since="2 days", by="fortnight"
    )
    assert "`since` too" in await assistant.error("check_drift", current="scored", until="2 days")
    runs = await assistant.call("list_runs", kind="drift")
    assert runs["total"] == 0


async def test_the_reference_of_a_model_is_its_training_data(assistant: Assistant, data: Path) -> None:
    random = np.random.default_rng(3)
    for name, shift in (("applicants", 0.0), ("newcomers", 15.0)):
        age = random.normal(40 + shift, 10, 1500).round(1)
        frame = pd.DataFrame({"age": age, "shoe": random.normal(42, 2, 1500).round(1)})
        frame["churn"] = (random.uniform(size=1500) < 1 / (1 + np.exp(-(age - 45) / 5))).astype(int)
        frame.to_csv(data / f"{name}.csv", index=False)
        await register(assistant, name)
    arguments = {"dataset": "applicants", "target": "churn", "name": "churn", "estimator": "logistic_regression"}
    await assistant.call("train_model", **arguments, wait_seconds=PATIENCE)
    answer = await check(assistant, current="newcomers", model="churn")
    assert "newcomers@1 against applicants@1" in answer["verdict"]
    drifted = {column["column"]: column for column in answer["columns"] if column["verdict"] == "drift"}
    assert set(drifted) == {"age", "churn"}
    assert drifted["age"]["importance"] > 0
    assert answer["columns"][0]["column"] == "age"
    assert answer["next"].startswith('evaluate_model(model="churn@1"')


async def test_many_columns_still_make_a_small_answer(assistant: Assistant, data: Path) -> None:
    random = np.random.default_rng(6)
    for shift in (0.0, 3.0):
        names = [f"a_rather_long_name_of_a_measurement_{place:02}" for place in range(60)]
        frame = pd.DataFrame(random.normal(shift, 1, (300, 60)).round(3), columns=names)
        frame.to_csv(data / "wide.csv", index=False)
        await register(assistant, "wide")
    answer = await check(assistant, current="wide")
    assert answer["total"] == 60
    assert "and 56 more" in answer["verdict"]
