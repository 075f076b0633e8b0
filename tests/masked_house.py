"""A workspace with secrets in it, made by somebody who may see everything, for readers who may not."""

import csv
import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlsteward.workspace import Workspace
from tests.conftest import Assistant, assistant_of

ROWS = 240
EMAIL = "vip.secret@hidden.example"
OLD_EMAIL = "old.secret@hidden.example"
SALARY = "98765432"
ILLNESS = "zebrafever"
# What must appear in no byte of any answer; parts are enough, for answers shorten.
SECRETS = ("vip.secret", "old.secret", "hidden.example", "98765432", "98,765,432", "9.877e", "9.876e", "zebrafever")
LEVELS = {"salary": "restricted", "illness": "restricted"}


@dataclass(frozen=True)
class House:
    """The workspace and the numbers of the runs made in it, by what they did."""

    workspace: Workspace
    runs: Mapping[str, int]


def people(folder: Path, *, old: bool) -> None:
    """`people.csv`: 240 customers, the first of whom is secret in every column that is."""
    random.seed(7)
    rows: list[dict[str, Any]] = []
    for number in range(1, ROWS + 1):
        age = random.randint(18, 80)
        rich = random.random() < 0.4
        row = {
            "id": number,
            "age": age,
            "city": random.choice(["Rome", "Oslo", "Lima"]),
            "email": f"user{number}@mail.hidden.example",
            "salary": 30000 + 10 * age + (40000 if rich else 0) + number,
            "illness": random.choice(["flu", "cold"]) if number > 60 else ILLNESS,
            "churned": "yes" if rich == (random.random() < 0.85) else "no",
        }
        if number == 1:
            row |= {"email": EMAIL, "salary": SALARY, "illness": ILLNESS, "city": "Oslo"}
        if old:
            row["contact"] = OLD_EMAIL if number == 1 else f"old{number}@mail.hidden.example"
        rows.append(row)
    with (folder / "people.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


async def furnish(workspace: Workspace, data: Path) -> House:
    """Two versions of `people`, what is derived from them, and runs of all kinds by somebody cleared for everything."""
    async with assistant_of(workspace) as boss:
        people(data, old=True)
        await boss.call("register_dataset", name="people", source="people.csv")
        people(data, old=False)
        await boss.call("register_dataset", name="people", source="people.csv")
        for column, level in LEVELS.items():
            await boss.call("document_asset", asset=f"people.{column}", sensitivity=level)
        await boss.call(
            "document_asset",
            asset="people.illness",
            allowed_values=[ILLNESS, "flu", "cold"],
            description="A diagnosis.",
        )
        return House(workspace, await _work(boss, data))


async def _work(boss: Assistant, data: Path) -> dict[str, int]:
    runs: dict[str, int] = {}

    async def run(done: str, tool: str, /, **arguments: Any) -> None:
        runs[done] = (await boss.call(tool, wait_seconds=25, **arguments))["run"]

    sql = f"SELECT id, lower(email) AS e2, salary * 2 AS double_pay, city FROM people WHERE illness <> 'x{ILLNESS}'"
    await run("transform", "transform_dataset", name="derived", sql=sql)
    quick = {"estimator": "logistic_regression", "cpu_budget": 1}
    await run(
        "train", "train_model", dataset="people", target="churned", name="churn", exclude=["email", "id"], **quick
    )
    await run("ill", "train_model", dataset="people", target="illness", name="ill", features=["age", "city"], **quick)
    await run("pay", "train_model", dataset="people", target="salary", name="pay", features=["age"], estimator="ridge")
    await run("evaluate", "evaluate_model", model="churn", dataset="people", slices=["illness"])
    await run("explain", "explain_model", model="churn", rows=[1, 2])
    await run("predict", "predict_rows", model="churn", dataset="people", as_dataset="scored")
    await run("predict_pay", "predict_rows", model="pay", dataset="people")
    await run("drift", "check_drift", current="people", reference="people@1", columns=["salary", "illness", "email"])
    await run("diff", "compare_datasets", reference="people@1", current="people@2", key="id")
    await run("check", "check_data", dataset="people")
    await boss.call("set_contract", dataset="people", checks=[f"illness in (flu, cold, {ILLNESS})", "salary < 1000"])
    await run("check_contract", "check_data", dataset="people")
    await boss.call("define_term", term="top pay", definition="The highest pay.", sql="SELECT max(salary) FROM people")
    words = await boss.error("transform_dataset", name="broken", sql="SELECT CAST(email AS INTEGER) AS n FROM people")
    runs["failed"] = int(words.rpartition("run:")[2].split()[0]) if "run:" in words else runs["transform"]
    (data / "notes.txt").write_text(f"{EMAIL} earns {SALARY}")
    logged = await boss.call(
        "log_run",
        name="outside",
        dataset="people",
        params={"who": EMAIL},
        metrics={"auc": 0.7},
        artifacts=["notes.txt"],
    )
    return {**runs, "logged": logged["run"]}
