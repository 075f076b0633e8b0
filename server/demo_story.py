"""What the demo's assistant asks for, in order: every flight out of New York City in 2013."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import anyio

from mlsteward.server.demo_traffic import Flight, april, write_outcomes

LINES_SHOWN = 14
LATE = """\
SELECT carrier, flight, tailnum, origin, dest, distance, month, day, hour, time_hour, sched_dep_time, sched_arr_time,
       dep_time, dep_delay, arr_time, arr_delay, air_time, arr_delay > 15 AS late
FROM flights WHERE arr_delay IS NOT NULL AND month <= 3"""
PLANTED = """\
SELECT * REPLACE (CASE WHEN time_hour >= TIMESTAMP '2013-03-25' THEN distance * 1.609 ELSE distance END AS distance)
FROM late_flights"""

FLIGHT = {
    "carrier": "EV",
    "flight": 4412,
    "tailnum": "N14143",
    "origin": "EWR",
    "dest": "ORD",
    "distance": 719,
    "month": 3,
    "day": 30,
    "hour": 18,
    "time_hour": "2013-03-30 18:00:00",
    "sched_dep_time": 1855,
    "sched_arr_time": 2030,
}


class Assistant(Protocol):
    """What the story needs of the one who tells it."""

    def chapter(self, title: str) -> None: ...
    def say(self, text: str) -> None: ...
    def server(self) -> Any: ...
    def kill_server(self) -> int: ...
    def outcomes_file(self, name: str) -> Path: ...
    async def ask_endpoint(self, address: str, flights: Sequence[Flight]) -> list[str]: ...
    async def call(self, tool: str, *, show: int = LINES_SHOWN, **arguments: Any) -> dict[str, Any]: ...


async def story(assistant: Assistant) -> None:
    """The whole of it; the server is killed in the middle, and another one goes on."""
    run = 0
    try:
        async with assistant.server():
            await data(assistant)
            await meaning(assistant)
            await health(assistant)
            await training(assistant)
            run = await kill_in_mid_training(assistant)
    except* (anyio.BrokenResourceError, anyio.ClosedResourceError, ProcessLookupError):
        pass  # the server was killed on purpose; its client may say so on leaving
    async with assistant.server():
        await survival(assistant, run)
        await judgement(assistant)
        await lineage(assistant)
        await drift(assistant)
        await delivery(assistant)


async def data(assistant: Assistant) -> None:
    assistant.chapter("What data is there?")
    for name in ("airlines", "airports", "planes", "weather"):
        await assistant.call("register_dataset", show=3, name=name, source=f"sample:{name}")
    await assistant.call("register_dataset", name="flights", source="sample:flights")


async def meaning(assistant: Assistant) -> None:
    assistant.chapter("What do the columns mean?")
    await assistant.call("lookup_data_dictionary", query="departure delay")
    await assistant.call("transform_dataset", name="late_flights", sql=LATE, description="January to March, landed")


async def health(assistant: Assistant) -> None:
    assistant.chapter("Is it sound?")
    await assistant.call("set_contract", show=8, dataset="flights")
    await assistant.call("set_contract", show=3, dataset="flights", checks=["proposed"])
    await assistant.call("check_data", dataset="flights")


async def training(assistant: Assistant) -> None:
    assistant.chapter("Which flights will be late?")
    await assistant.call("train_model", show=24, dataset="late_flights", target="late", estimator="logistic_regression")
    assistant.say("Delays and times of departure are known only when the plane has left; the person says so.")
    for column in ("dep_time", "dep_delay", "arr_time", "air_time"):
        asset = f"late_flights.{column}"
        await assistant.call("document_asset", show=2, asset=asset, available_at="after", usage="after departure")
    boosting = {"dataset": "late_flights", "target": "late", "estimator": "hist_gradient_boosting"}
    assistant.say("First split at random, which flatters; then by time, which is how the model will be used.")
    await assistant.call("train_model", show=6, **boosting, split="row")
    await assistant.call("train_model", show=16, **boosting, split="time", time_column="time_hour", name="late")
    await assistant.call("compare_runs", last=2)


async def kill_in_mid_training(assistant: Assistant) -> int:
    assistant.chapter("The server is killed in mid-training")
    started = await assistant.call(
        "train_model", dataset="late_flights", target="late", cpu_budget=10, name="late", wait_seconds=0
    )
    await anyio.sleep(2)
    assistant.say(f"kill -9 {assistant.kill_server()}")
    return int(started["run"])


async def survival(assistant: Assistant, run: int) -> None:
    assistant.say("Another server is started on the same workspace.")
    await assistant.call("get_run", show=16, run=run, wait_seconds=25)
    await assistant.call("list_runs", order_by="roc_auc")


async def judgement(assistant: Assistant) -> None:
    assistant.chapter("How far can it be trusted?")
    await assistant.call("evaluate_model", show=20, model="late", dataset="late_flights", baseline="late@1")
    await assistant.call("explain_model", model="late@1")
    await assistant.call("predict_rows", model="late@1", rows=[FLIGHT])


async def lineage(assistant: Assistant) -> None:
    assistant.chapter("What breaks if a column changes?")
    await assistant.call("trace_lineage", asset="flights.distance")


async def drift(assistant: Assistant) -> None:
    assistant.chapter("Has anything changed?")
    columns = ["distance", "carrier", "origin", "dest"]
    week: dict[str, Any] = {"columns": columns, "time_column": "time_hour", "since": "2013-03-25"}
    assistant.say("An ordinary week first; then the same week after somebody sent kilometres instead of miles.")
    await assistant.call("check_drift", current="late_flights", **week)
    await assistant.call("transform_dataset", show=3, name="planted", sql=PLANTED)
    found = await assistant.call("check_drift", current="planted", **week)
    if "distance" not in json.dumps(found):
        assistant.say("The planted drift was not found, which is a bug worth reporting.")


async def delivery(assistant: Assistant) -> None:
    assistant.chapter("May it go into production?")
    assistant.say("Gates first; then a person is shown a form, which this demo answers.")
    await assistant.call("promote_model", show=18, model="late@1", reason="First model; judged on an honest split.")
    served = {"endpoint": "starting"}
    while served["endpoint"] == "starting":
        served = await assistant.call("deploy_model", model="late@champion", name="late")
    try:
        await in_service(assistant, served["address"])
    finally:
        await assistant.call("stop_deployment", deployment="late")


async def in_service(assistant: Assistant, address: str) -> None:
    assistant.chapter("Is it still right?")
    assistant.say("An application asks for flights of April; once they have landed, it is told how they went.")
    flights = april(600)
    ids = await assistant.ask_endpoint(address, flights)
    await assistant.call("check_deployment", deployment="late")
    landed = assistant.outcomes_file("landed.csv")
    write_outcomes(landed, ids, flights)
    await assistant.call("record_outcomes", deployment="late", source=str(landed))
    await assistant.call("check_deployment", deployment="late")
    assistant.say("Then somebody sends kilometres instead of miles.")
    await assistant.ask_endpoint(address, april(600, skip=600, kilometres=True))
    await assistant.call("check_deployment", show=20, deployment="late")
