"""The tool `list_models` and a model's page."""

from datetime import UTC, datetime

import pytest

from mlsteward.data.profile import TableProfile
from mlsteward.data.snapshot import Column
from mlsteward.store.aliases import set_alias
from mlsteward.store.datasets import DatasetVersion, add_version
from mlsteward.store.models import Model, Score, add_model
from mlsteward.store.transaction import Transaction
from mlsteward.training.signature import SignatureColumn
from mlsteward.workspace import Workspace
from tests.conftest import Assistant

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def dataset(name: str, sources: list[str]) -> DatasetVersion:
    return DatasetVersion(
        name=name,
        version=1,
        family=name,
        fingerprint=name,
        schema_hash="s",
        rows=1000,
        bytes=1,
        columns=[Column(name="late", type="BIGINT")],
        snapshot=f"objects/{name}.parquet",
        source="" if sources else "flights.csv",
        sources=sources,
        created=NOW,
        profile=TableProfile(rows=1000, columns=[]),
    )


def model(name: str, run: int, score: float) -> Model:
    return Model(
        run=run,
        name=name,
        task="binary",
        target="late",
        dataset="june@1",
        classes=["no", "yes"],
        path=f"runs/{run}/artifacts/model.skops",
        sha256="ab12",
        signature=[
            SignatureColumn(name="distance", type="DOUBLE", kind="number", low=17, high=4983),
            SignatureColumn(name="carrier", type="VARCHAR", kind="category", levels=["UA", "AA"], distinct=2, nulls=3),
        ],
        threshold=0.31,
        metric="roc_auc",
        metrics={"roc_auc": Score(value=score, low=score - 0.02, high=score + 0.02)},
        estimator="ensemble",
        actor="ann",
        created=NOW,
    )


@pytest.fixture
def models(workspace: Workspace) -> Workspace:
    def write(transaction: Transaction) -> None:
        add_version(transaction, dataset("flights", []))
        add_version(transaction, dataset("june", ["flights@1"]))
        for number, (name, score) in enumerate([("delay", 0.7), ("delay", 0.75), ("cancelled", 0.6), ("", 0.5)]):
            add_model(transaction, model(name, number + 1, score))

    workspace.store.write(write)
    return workspace


async def test_without_models_it_says_how_a_run_stands_for_one(assistant: Assistant) -> None:
    answer = await assistant.call("list_models")
    assert answer["total"] == 0
    assert "run:<number>" in answer["verdict"]


async def test_the_newest_version_of_each_name_is_listed_with_its_score(
    models: Workspace, assistant: Assistant
) -> None:
    answer = await assistant.call("list_models")
    assert [(line["model"], line.get("versions")) for line in answer["models"]] == [("cancelled@1", 1), ("delay@2", 2)]
    assert answer["models"][1]["score"] == "roc_auc 0.75 [0.73, 0.77]"
    assert "delay@2 | – | binary | late | june@1 | roc_auc 0.75 [0.73, 0.77]" in await assistant.text("list_models")


@pytest.mark.parametrize("name", ["delay", "delay@1", "model:delay"])
async def test_a_name_lists_all_its_versions(models: Workspace, assistant: Assistant, name: str) -> None:
    answer = await assistant.call("list_models", name=name)
    assert [line["model"] for line in answer["models"]] == ["delay@2", "delay@1"]
    assert answer["page"] == "mlsteward://models/delay"


async def test_a_long_list_goes_on_at_its_cursor(models: Workspace, assistant: Assistant) -> None:
    first = await assistant.call("list_models", limit=1)
    rest = await assistant.call("list_models", limit=1, cursor=first["cursor"])
    assert (first["total"], rest["models"][0]["model"], rest.get("cursor")) == (2, "delay@2", None)


async def test_many_models_fit_one_answer(workspace: Workspace, assistant: Assistant) -> None:
    def write(transaction: Transaction) -> None:
        for number in range(40):
            add_model(transaction, model(f"a_rather_long_name_of_a_model_{number:03d}", number + 1, 0.7))

    workspace.store.write(write)
    answer = await assistant.call("list_models", limit=100)
    assert answer["total"] == 40


async def test_an_unknown_name_is_answered_with_what_was_close(models: Workspace, assistant: Assistant) -> None:
    assert "Did you mean `delay`?" in await assistant.error("list_models", name="dely")


async def test_the_page_shows_versions_metrics_signature_and_lineage(models: Workspace, assistant: Assistant) -> None:
    page = (await assistant.call("read_page", uri="mlsteward://models/delay"))["content"]
    for part in (
        "# Model delay@2",
        "Predicts yes from a probability of 0.31 on.",
        "| roc_auc | 0.75 [0.73, 0.77] |",
        "| 1 | – | 0.7 [0.68, 0.72] | june@1 | run:1 | ann |",
        "| distance | number | DOUBLE | 17 to 4983 | 0 |",
        "| carrier | category | VARCHAR | UA, AA | 3 |",
        "- dataset flights@1, 1,000 rows, from flights.csv",
        "- dataset june@1, 1,000 rows, from flights@1",
        "- run:2 (train), by ann",
        "SHA-256 ab12",
    ):
        assert part in page
    assert page.index("flights@1") < page.index("june@1, 1,000")
    one = (await assistant.call("read_page", uri="mlsteward://models/delay@1"))["content"]
    assert "# Model delay@1" in one


async def test_aliases_stand_beside_the_versions_that_they_name(models: Workspace, assistant: Assistant) -> None:
    def write(t: Transaction) -> None:
        set_alias(t, "delay", "champion", 1, run=None, actor="ann", reason="first")
        set_alias(t, "delay", "challenger", 2, run=None, actor="ann", reason="next")

    models.store.write(write)
    lines = (await assistant.call("list_models"))["models"]
    assert [line["aliases"] for line in lines] == ["", "challenger, champion@1"]
    lines = (await assistant.call("list_models", name="delay@champion"))["models"]
    assert [line["aliases"] for line in lines] == ["challenger", "champion"]
    page = (await assistant.call("read_page", uri="mlsteward://models/delay@champion"))["content"]
    assert page.startswith("# Model delay@1")
    assert "| 2 | challenger | 0.75 [0.73, 0.77] |" in page
