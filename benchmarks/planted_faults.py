"""Faults planted in real flights: what a deployment's monitoring caught, when, and what stayed quiet.

A model learns which flights out of New York in 2013 arrive late, from March to August. Copies of its deployment then
answer the flights of September to December, day by day; from 1 November on each copy has a fault of its own, and one
has none. Outcomes come with each look. Everything goes through the platform: the model, the prediction log, the tool
`record_outcomes`, and the runs that `set_monitor` would start.

    uv run python -m benchmarks.planted_faults [--flights 200] [--only quiet --only hours]
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import anyio
import numpy as np
import pandas as pd
from mcp.client import Client

from mlsteward.config import Settings
from mlsteward.data.samples import sample_file
from mlsteward.runs.actor import Actor
from mlsteward.runs.jobs.monitor import Result
from mlsteward.runs.monitor_request import start_monitor
from mlsteward.server.app import Steward
from mlsteward.serving.endpoint.desired import EndpointFolder
from mlsteward.serving.model_file import load_bundle
from mlsteward.serving.prediction_log import feature_types
from mlsteward.serving.segments import SegmentWriter, seal_segments
from mlsteward.store.deployment_events import By
from mlsteward.store.deployments import Deployment, place
from mlsteward.store.models import find_model
from mlsteward.workspace import Workspace

# A frame or a column of one: the types of pandas leave open which of them an operation gives.
Table = Any

FEATURES = ["hour", "dep_delay", "carrier", "origin", "distance", "air_time"]
TRAINING = ("2013-03-01", "2013-09-01")
LIVE = ("2013-09-01", "2013-12-20")
FAULT = datetime(2013, 11, 1)
# Days after the fault began at which somebody looks; the first look is the evening before.
LOOKS = (0, 3, 7, 14, 28, 45)


@dataclass(frozen=True)
class Fault:
    """`rows` changes what the model is asked from the fault on, `truth` what turns out to be true then."""

    name: str
    what: str
    rows: Callable[[Table, np.random.Generator], Table] = lambda rows, random: rows
    truth: Callable[[Table, np.random.Generator], Table] = lambda rows, random: rows["late"]


def _flipped(rows: Table, share: Any, random: np.random.Generator) -> Table:
    other = rows["late"].map({"yes": "no", "no": "yes"})
    return rows["late"].where(random.random(len(rows)) >= share, other)


def _days_in(rows: Table) -> Table:
    return (rows["day"] - FAULT).dt.days


FAULTS = (
    Fault("quiet", "nothing is wrong"),
    Fault(
        "hours",
        "departure delays come in hours, not minutes",
        rows=lambda rows, random: rows.assign(dep_delay=rows["dep_delay"] / 60),
    ),
    Fault(
        "empty",
        "two departure delays in five are missing",
        rows=lambda rows, random: rows.assign(dep_delay=rows["dep_delay"].where(random.random(len(rows)) > 0.4)),
    ),
    Fault(
        "renamed",
        "carriers are written in small letters",
        rows=lambda rows, random: rows.assign(carrier=rows["carrier"].str.lower()),
    ),
    Fault(
        "airport",
        "what makes flights from JFK late is another thing",
        truth=lambda rows, random: _flipped(rows, np.where(rows["origin"] == "JFK", 0.4, 0.0), random),
    ),
    Fault(
        "slowly",
        "a third of a point more outcomes are wrong every day",
        truth=lambda rows, random: _flipped(rows, _days_in(rows) / 300, random),
    ),
    Fault(
        "mix",
        "more long flights are asked about, which the model knows as well (harmless)",
        rows=lambda rows, random: rows[(rows["distance"] > 1000) | (random.random(len(rows)) < 0.4)],
    ),
)


def flights(folder: Path, per_day: int) -> Table:
    """So many flights of each day, and whether they arrived more than a quarter of an hour late."""
    table = cast(Table, pd.read_csv(sample_file("flights", folder)))
    table["day"] = pd.to_datetime(table[["year", "month", "day"]])
    table = table.dropna(subset=["arr_delay", *FEATURES])
    table["late"] = np.where(table["arr_delay"] > 15, "yes", "no")
    shuffled = table.sample(frac=1, random_state=0)
    picked = shuffled[shuffled.groupby("day").cumcount() < per_day].sort_values(["day", "hour"])
    return picked[["day", *FEATURES, "late"]].reset_index(drop=True)


class House:
    """A workspace in which one model serves several deployments."""

    def __init__(self, folder: Path, table: Table) -> None:
        (folder / "data").mkdir()
        self.data = folder / "data"
        self.table = table
        self.workspace = Workspace(Settings(workspace=folder / "workspace", data=[self.data], toolsets=["all"]))

    async def call(self, client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
        """A tool's data, once its run has ended."""
        result = await client.call_tool(tool, arguments)
        content = result.structured_content
        if result.is_error or content is None:
            raise SystemExit(str(result.content))
        while content.get("state", "completed") in ("queued", "running"):
            content = await self.call(client, "get_run", run=content["run"], wait_seconds=20)
        return content

    async def train(self, client: Client) -> None:
        chosen = self.table[self.table["day"].between(*TRAINING, inclusive="left")]
        chosen.to_csv(self.data / "training.csv", index=False)
        await self.call(client, "register_dataset", name="flights", source="training.csv")
        await self.call(
            client,
            "train_model",
            dataset="flights",
            target="late",
            name="late",
            split="time",
            exclude=["day"],
            estimator="hist_gradient_boosting",
            cpu_budget=20,
        )

    def deploy(self, name: str) -> None:
        began = datetime.fromisoformat(LIVE[0]).replace(tzinfo=UTC)
        wanted = Deployment(name=name, asked="late@1", model="late@1", created=began, changed=began)
        self.workspace.store.write(lambda t: place(t, wanted, event="deployed", by=By("benchmark", "")))

    def serve(self, name: str, rows: Table) -> None:
        """Log what the model says of the rows, as its endpoint would have."""
        model = self.workspace.store.read(lambda t: find_model(t, "late@1"))
        bundle = load_bundle(self.workspace.folder / model.path, model.sha256)
        told = bundle.predict(rows[FEATURES])
        folder = EndpointFolder.of(self.workspace.folder, name).predictions
        signature = [column.model_dump() for column in bundle.signature]
        writer = SegmentWriter(folder, feature_types(signature))
        names = [column["name"] for column in signature]
        clocks = rows["day"] + rows["hour"] * timedelta(hours=1)
        values = rows[names].astype(object).where(rows[names].notna(), None).to_dict("records")
        scores = [None] * len(rows) if told.scores is None else told.scores.tolist()
        for identity, clock, label, score, features in zip(
            rows["prediction_id"], clocks, told.labels, scores, values, strict=True
        ):
            line = {
                "prediction_id": identity,
                "request_id": identity,
                "time": int(clock.timestamp() * 1e6),
                "deployment": name,
                "model": "late@1",
                "role": "champion",
                "latency_ms": 1.0,
                "prediction": str(label),
                "scores": score,
                "features": features,
            }
            writer.append(json.dumps(line, default=str).encode() + b"\n")
        writer.close()
        seal_segments(folder)

    def look(self, name: str, until: datetime) -> Result:
        actor = Actor(name="benchmark")
        since = f"{until - timedelta(days=7):%Y-%m-%d}"
        run = start_monitor(self.workspace, actor, name, since=since, until=f"{until:%Y-%m-%d}")
        ended = self.workspace.runs.wait(run, 600)
        if ended.state != "completed":
            raise SystemExit(f"{ended.label} {ended.state}: {ended.error}")
        return Result.model_validate(ended.result)

    async def live(self, client: Client, fault: Fault) -> list[tuple[int, Result]]:
        """Answer the flights day by day, record their outcomes, and look at what there is."""
        self.deploy(fault.name)
        random = np.random.default_rng(1)
        rows = self.table[self.table["day"].between(*LIVE, inclusive="left")]
        before, after = rows[rows["day"] < FAULT], rows[rows["day"] >= FAULT].copy()
        after["late"] = fault.truth(after, random)
        rows = cast(Table, pd.concat([before, fault.rows(after, random)]))
        rows["prediction_id"] = [f"{fault.name}-{number}" for number in rows.index]
        found: list[tuple[int, Result]] = []
        begin = datetime.fromisoformat(LIVE[0])
        for days in LOOKS:
            until = FAULT + timedelta(days=days)
            part = rows[(rows["day"] >= begin) & (rows["day"] < until)]
            self.serve(fault.name, part)
            file = self.data / f"{fault.name}-{days}.csv"
            part[["prediction_id", "late"]].to_csv(file, index=False)
            await self.call(client, "record_outcomes", deployment=fault.name, source=file.name)
            found.append((days, await anyio.to_thread.run_sync(self.look, fault.name, until)))
            begin = until
        return found


def lines(fault: Fault, looks: Sequence[tuple[int, Result]]) -> list[str]:
    """What was wrong before the fault, and after how many days each check failed first."""
    already = set(looks[0][1].report.failing)
    first: dict[str, int] = {}
    for days, result in looks[1:]:
        for check in result.report.failing:
            first.setdefault(check, days)
    caught = ", ".join(f"{check} (look of day {days})" for check, days in first.items() if check not in already)
    told = [f"{fault.name}: {fault.what}", f"  caught: {caught or 'nothing'}"]
    if already:
        told.append(f"  failing already before it: {', '.join(sorted(already))}")
    noticed: dict[str, int] = {}
    for days, result in looks[1:]:
        for notice in result.report.notices:
            kinds = {"e": "estimated loss", "`": "a column"}
            noticed.setdefault(kinds.get(notice[:1], "realised loss"), days)
    if noticed:
        told.append(f"  noticed: {', '.join(f'{what} (look of day {days})' for what, days in noticed.items())}")
    losses = looks[-1][1].report.losses
    if losses and losses.alarmed and losses.since:
        day, since = (f"{moment:%d %B}" for moment in (losses.alarmed - timedelta(days=1), losses.since))
        told.append(
            f"  losses: alarm by the outcomes of {day}, higher since {since} (the fault began on {FAULT:%d %B})"
        )
    elif losses:
        told.append(f"  losses: {losses.state}; {losses.words}")
    return told


async def run(per_day: int, only: Sequence[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        house = House(Path(folder), flights(Path(folder), per_day))
        try:
            async with Client(Steward(house.workspace)) as client:
                await house.train(client)
                for fault in FAULTS:
                    if only and fault.name not in only:
                        continue
                    clock = time.perf_counter()
                    found = await house.live(client, fault)
                    sys.stdout.write("\n".join(lines(fault, found)) + f"\n  ({time.perf_counter() - clock:.0f} s)\n")
                    sys.stdout.flush()
        finally:
            house.workspace.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flights", type=int, default=200, help="flights a day (200)")
    parser.add_argument("--only", action="append", default=[], help="one fault; repeatable")
    given = parser.parse_args()
    anyio.run(run, given.flights, given.only)


if __name__ == "__main__":
    main()
