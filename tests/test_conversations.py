"""Six conversations, each call using only what earlier answers returned.

Each is held with an assistant whose host shows it nothing but text, and with one that sees only the data.
"""

import ast
import csv
import json
import random
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mlsteward.workspace import Workspace
from tests.conftest import Assistant, assistant_of

pytestmark = pytest.mark.anyio


class Told(NamedTuple):
    """An answer as each of the two assistants sees it."""

    text: str
    data: str

    def holds(self, words: str) -> bool:
        """Whether both of them are told so."""
        return all(words in form for form in self)

    def following(self) -> tuple[str, str]:
        """The call that each of them is told to make."""
        found = re.search(r"^next: (.*)$", self.text, re.MULTILINE)
        return found.group(1) if found else "", str(json.loads(self.data).get("next", ""))


class Reader:
    """Two assistants, each seeing one form of an answer, that make the same calls and remember what they saw."""

    def __init__(self, assistant: Assistant) -> None:
        self._assistant = assistant
        self.seen = Told("", "")
        self.answer = Told("", "")

    async def call(self, tool: str, **arguments: Any) -> Told:
        """The answer as the assistants see it, once its run has ended."""
        for value in arguments.values():
            self._must_be_known(value)
        text, data = await self._answer(tool, arguments)
        while data.get("state") in ("queued", "running"):
            text, data = await self._answer("get_run", {"run": data["run"], "wait_seconds": 25})
        self.answer = Told(text, json.dumps(data, ensure_ascii=False))
        self.seen = Told(self.seen.text + self.answer.text, self.seen.data + self.answer.data)
        return self.answer

    async def _answer(self, tool: str, arguments: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        result = await self._assistant.result(tool, **arguments)
        text = "\n".join(part.text for part in result.content if part.type == "text")
        assert not result.is_error, f"{tool}{arguments}: {text}"
        return text, result.structured_content or {}

    def heard(self, words: str) -> None:
        """What the person said is known too."""
        self.seen = Told(self.seen.text + words, self.seen.data + words)

    def _must_be_known(self, value: Any) -> None:
        for word in re.findall(r"[\w@]+", json.dumps(value)):
            plain = word.casefold() in ("true", "false", "null") or word.isdigit()
            assert plain or self.seen.holds(word), f"{word!r} came from nowhere"

    async def follow(self, **changed: Any) -> Told:
        """Make the call that the last answer proposes to both, with what the person wants changed."""
        read, given = (_call(proposed) for proposed in self.answer.following())
        assert read == given
        tool, arguments = read
        return await self.call(tool, **arguments | changed)


def _call(proposed: str) -> tuple[str, dict[str, Any]]:
    expression = ast.parse(proposed, mode="eval").body
    assert isinstance(expression, ast.Call)
    assert isinstance(expression.func, ast.Name)
    return expression.func.id, {word.arg: ast.literal_eval(word.value) for word in expression.keywords if word.arg}


@pytest.fixture
async def reader(workspace: Workspace) -> AsyncIterator[Reader]:
    async with assistant_of(workspace) as assistant:
        yield Reader(assistant)


def write_churn(path: Path, rows: int = 600, *, start: int = 0) -> None:
    draw = random.Random(start)
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["customer_id", "tenure_months", "support_calls", "contract", "churned"])
        for row in range(start, start + rows):
            tenure, calls = draw.randint(0, 72), draw.randint(0, 5)
            contract = draw.choice(["monthly", "one year"])
            odds = 0.9 * calls - 0.06 * tenure + (1.0 if contract == "monthly" else -1.0)
            churned = "yes" if odds + draw.gauss(0, 1) > 0.5 else "no"
            table.writerow([f"C{10_000 + row}", tenure, calls, contract, churned])


async def test_which_customers_will_churn_and_why(reader: Reader, data: Path) -> None:
    write_churn(data / "churn.csv")
    await reader.call("list_datasets")
    await reader.follow()
    columns = await reader.follow()
    assert columns.holds("churned")
    assert columns.holds("customer_id")
    reader.heard("Train a simple one, a logistic_regression, and call it churn.")
    await reader.call("train_model", dataset="churn", target="churned", name="churn", estimator="logistic_regression")
    await reader.follow()
    why = await reader.call("explain_model", model="churn")
    assert why.holds("support_calls")
    who = await reader.call("predict_rows", model="churn", dataset="churn")
    assert all(re.search(r"C1\d{4}", form) for form in who)
    assert who.holds("out-of-fold")


async def test_predictions_feel_off_this_week(reader: Reader, data: Path) -> None:
    draw = random.Random(5)
    now = datetime(2026, 3, 1, tzinfo=UTC)
    with (data / "orders.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["ordered_at", "amount", "channel", "returned"])
        for hour in range(24 * 60):
            for _ in range(3):
                new = hour >= 24 * 53
                amount = draw.gauss(80 if new else 50, 10)
                stamp = f"{now + timedelta(hours=hour):%Y-%m-%d %H:%M:%S}"
                table.writerow([stamp, round(amount, 2), draw.choice(["web", "shop"]), draw.randint(0, 1)])
    await reader.call("list_datasets")
    await reader.follow()
    columns = await reader.follow()
    assert columns.holds("ordered_at")
    reader.heard("The last week began on 2026-04-23.")
    found = await reader.call("check_drift", current="orders", time_column="ordered_at", since="2026-04-23")
    assert found.holds("amount")
    assert found.holds("drift")
    meaning = await reader.call("lookup_data_dictionary", query="orders.amount")
    assert meaning.holds("amount")


async def test_what_does_dep_delay_mean_and_who_owns_it(reader: Reader) -> None:
    reader.heard("Register sample:flights as flights. what does dep_delay mean and who owns it")
    await reader.call("register_dataset", name="flights", source="sample:flights")
    meaning = await reader.call("lookup_data_dictionary", query="what does dep_delay mean and who owns it")
    assert meaning.holds("minutes")
    assert meaning.holds("no owner recorded")
    reader.heard("The operations desk owns it.")
    asset = "flights.dep_delay"
    await reader.call("document_asset", asset=asset, owner="operations desk")
    owned = await reader.call("lookup_data_dictionary", query=asset)
    assert owned.holds("operations desk")


async def test_is_the_new_model_better(reader: Reader, data: Path) -> None:
    write_churn(data / "churn.csv")
    await reader.call("list_datasets")
    await reader.follow()
    reader.heard("Predict churned as churn, first with a dummy, then with logistic_regression. Is the new one better?")
    await reader.call("train_model", dataset="churn", target="churned", name="churn", estimator="dummy")
    await reader.call("train_model", dataset="churn", target="churned", name="churn", estimator="logistic_regression")
    models = await reader.call("list_models")
    assert models.holds("churn@2")
    better = await reader.call("evaluate_model", model="churn@2", dataset="churn", baseline="churn@1")

    assert better.holds("Better than churn@1")


async def test_compare_my_last_10_runs(reader: Reader, data: Path) -> None:
    write_churn(data / "churn.csv", 300)
    await reader.call("list_datasets")
    await reader.follow()
    reader.heard("Predict churned with logistic_regression and with knn. Compare my last 10 runs.")
    for estimator in ("logistic_regression", "knn"):
        for neighbours in (3, 15) if estimator == "knn" else (0,):
            params = {"n_neighbors": neighbours} if neighbours else {}
            reader.heard(json.dumps(params))
            await reader.call("train_model", dataset="churn", target="churned", estimator=estimator, params=params)
    compared = await reader.call("compare_runs", last=10)
    assert compared.holds("3 runs")
    assert compared.holds("n_neighbors")
    listed = await reader.call("list_runs", order_by="roc_auc")
    assert all("logistic_regression" in form or "roc_auc" in form for form in listed)
    await reader.follow()


async def test_what_breaks_if_this_column_changes_who_owns_it_and_is_it_healthy_today(
    reader: Reader, data: Path
) -> None:
    write_churn(data / "churn.csv")
    await reader.call("list_datasets")
    await reader.follow()
    reader.heard("Predict churned with a logistic_regression called churn. The care desk owns churn.support_calls.")
    await reader.call("train_model", dataset="churn", target="churned", name="churn", estimator="logistic_regression")
    await reader.call("document_asset", asset="churn.support_calls", owner="care desk")
    breaks = await reader.call("trace_lineage", asset="churn.support_calls")
    assert breaks.holds("feeds 1 model (churn@1: importance")
    assert breaks.holds("care desk")
    healthy = await reader.call("check_data", dataset="churn")
    assert healthy.holds("churn@1 is healthy")
    reader.heard("Then the file came again, with minus one for every call.")
    rows = (data / "churn.csv").read_text().splitlines()
    broken = [rows[0], *(re.sub(r"^(\w+,\d+),\d+", r"\1,-1", row) for row in rows[1:])]
    await reader.call("set_contract", dataset="churn")
    reader.heard("Fewer than 0 calls, or more than 50, is an error.")
    await reader.follow(checks=["proposed", "support_calls between 0 and 50"])
    (data / "churn.csv").write_text("\n".join(broken) + "\n")
    register = await reader.call("register_dataset", name="churn", source="churn.csv")
    assert register.holds("contract")
    unhealthy = await reader.call("check_data", dataset="churn")
    assert unhealthy.holds("churn@2 is unhealthy")
    alerts = await reader.call("list_alerts")
    assert alerts.holds("support_calls")
    assert alerts.holds("model:churn@1")
