"""A model card is filled from the store, and says what is missing."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from mlsteward.exchange.model_card import ANNEX_IV, MISSING, CardResult, ModelCard, write_card
from tests.conftest import Assistant, assistant_of
from tests.promoted import only, policy, promote, promoting, register, train

CARD = ModelCard(name="delay", version=2, task="regression", target="minutes", dataset="flights@3")


def front(text: str) -> dict[str, Any]:
    return yaml.safe_load(text.split("---\n")[1])


def test_an_empty_card_says_of_every_point_that_it_is_missing_and_invents_nothing() -> None:
    text = write_card(CARD)
    points = [point for points in ANNEX_IV.values() for point in points]
    assert text.count(f"*{MISSING}*") == len(points) + 1
    assert f"0 of {len(points)} points of Annex IV are filled." in text
    assert all(f"## {title}" in text for title in ANNEX_IV)
    assert front(text) == {
        "library_name": "sklearn",
        "pipeline_tag": "tabular-regression",
        "tags": ["mlsteward", "skops"],
        "datasets": ["flights"],
        "model_name": "delay",
    }


def test_results_stand_in_the_metadata_as_the_hub_reads_them() -> None:
    results = [CardResult(metric="rmse", value=3.5, low=3.0, high=4.0), CardResult(metric="r2", value=0.4)]
    card = CARD.model_copy(update={"license": "apache-2.0", "tags": ["air"], "results": results, "fingerprint": "f1"})
    found = front(write_card(card))
    assert found["license"] == "apache-2.0"
    assert found["tags"] == ["mlsteward", "skops", "air"]
    [entry] = found["model-index"]
    [result] = entry["results"]
    assert entry["name"] == "delay"
    assert result["task"]["type"] == "tabular-regression"
    assert result["dataset"] == {"type": "flights", "name": "flights@3", "split": "test", "revision": "f1"}
    assert result["metrics"] == [
        {"type": "rmse", "name": "rmse", "value": 3.5, "args": {"low_95": 3.0, "high_95": 4.0}},
        {"type": "r2", "name": "r2", "value": 0.4},
    ]


async def whole(assistant: Assistant, uri: str) -> str:
    """A page from its beginning to its end."""
    text, cursor = "", ""
    while True:
        part = await assistant.call("read_page", uri=uri, **({"cursor": cursor} if cursor else {}))
        text += part["content"]
        cursor = part.get("cursor") or ""
        if not cursor:
            return text


@pytest.mark.anyio
async def test_the_page_is_filled_from_the_store(tmp_path: Path, warm: Path) -> None:
    workspace = promoting(tmp_path, warm)
    policy(workspace, only("baselines"))
    async with assistant_of(workspace) as assistant:
        await register(assistant, workspace, "flights")
        await train(assistant, name="delay")
        await assistant.call(
            "document_asset",
            asset="model:delay",
            description="Which passengers to rebook early.",
            owner="Operations",
            usage="Ask an hour before departure.",
            tags=["license:mit", "air"],
        )
        await assistant.call("document_asset", asset="flights.dep_delay", description="Minutes late at the gate")
        await promote(assistant, model="delay", reason="better than guessing")
        text = await whole(assistant, "mlsteward://models/delay/champion/card")
        assert text == await whole(assistant, "mlsteward://models/delay/1/card")
        assert "no version or alias" in await assistant.error("read_page", uri="mlsteward://models/delay/4/card")
    workspace.close()
    meta = front(text)
    assert (meta["license"], meta["pipeline_tag"]) == ("mit", "tabular-classification")
    assert meta["model-index"][0]["results"][0]["metrics"][0]["type"] == "roc_auc"
    for part in (
        "# Model card of delay@1",
        "it is champion",
        "intended purpose: Which passengers to rebook early.",
        "provider: Operations",
        "Ask an hour before departure.",
        "scikit-learn",
        "from flights.csv",
        "gate baselines passed",
        "types of an allow-list",
        "`dep_delay` (number",
        "Minutes late at the gate",
        "champion set on version 1",
        "better than guessing",
        f"**(5) Risk management by Article 9.** *{MISSING}*",
        f"**(8) Copy of the declaration.** *{MISSING}*",
    ):
        assert part in text, part
