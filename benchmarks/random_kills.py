"""Servers, endpoints and workers are killed at random moments while a model is promoted to and fro, rows are scored and
outcomes recorded through a real server: is an outcome lost, an alias half moved, an answer wrong?

Run: uv run python -m benchmarks.random_kills [KILLS] [SEED]; it ends with 1 where something was.
"""

import itertools
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import psutil

from benchmarks.killed_house import VERSIONS, House, Told
from mlsteward.config import Settings
from mlsteward.data.engine import connect
from mlsteward.runs.endpoint_status import wait_settled
from mlsteward.serving.endpoint.desired import EndpointFolder
from mlsteward.serving.outcome_tables import outcome_tables
from mlsteward.serving.prediction_log import prediction_tables
from mlsteward.store.activity import activity_of
from mlsteward.store.activity_chain import check_chain
from mlsteward.store.aliases import alias_history, set_alias
from mlsteward.store.deployment_events import By
from mlsteward.store.deployments import Deployment, find_deployment, place
from mlsteward.store.gate_results import gate_results_of
from mlsteward.store.outcomes import outcome_files
from mlsteward.store.runs import ACTIVE, get_run, runs_in_state
from mlsteward.workspace import Workspace
from tests.endings import end_endpoints
from tests.promoted import NOBODY, policy
from tests.served_models import add_versions

BY = By("benchmark")
# The server most often: it is what hosts kill.
VICTIMS = ("server", "server", "endpoint", "workers")
LONGEST = 3.0
PATIENT = 180.0
# Only gates that need no training data: this is about what follows from them.
_OFF = "contract thresholds non_inferiority baselines worst_slice fairness calibration leakage live_drift".split()
POLICY = NOBODY + "".join(f"[gates.{gate}]\non = false\n" for gate in _OFF) + '[gates.lineage]\non = "warn"\n'


def main() -> None:
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else time.time_ns() % 1_000_000
    print(f"{kills} kills, seed {seed}", flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "workspace"
        furnish(folder)
        try:
            told, killed = live_through(folder, kills, seed)
            with closing(opened(folder)) as house:
                mistakes = [*told.wrong, *judge(house, told)]
        finally:
            end_endpoints(folder)
    print(f"killed: {', '.join(f'{what} {count} times' for what, count in sorted(killed.items()))}")
    print(f"told: {len(told.promoted)} promotions, {len(told.requests):,} answers, {len(told.outcomes):,} outcomes")
    for mistake in mistakes:
        print(f"  {mistake}")
    print(f"mistakes: {len(mistakes)} (to reach: 0)")
    sys.exit(bool(mistakes))


def opened(folder: Path) -> Workspace:
    return Workspace(Settings(workspace=folder, data=[]))


def furnish(folder: Path) -> None:
    """Three versions of `large`, the first one served as champion."""
    with closing(opened(folder)) as house:
        add_versions(house, len(VERSIONS), dataset="")
        policy(house, POLICY)
        house.store.write(lambda t: set_alias(t, "large", "champion", 1, run=None, actor="benchmark", reason=""))
        now = datetime.now(UTC)
        wanted = Deployment(name="large", asked="large@champion", model="large@1", created=now, changed=now)
        EndpointFolder.of(folder, "large").path.mkdir(parents=True)
        house.store.write(lambda t: place(t, wanted, event="deployed", by=BY))


def live_through(folder: Path, kills: int, seed: int) -> tuple[Told, Counter[str]]:
    chance, killed = random.Random(seed), Counter[str]()
    with House(folder, seed) as house:
        while sum(killed.values()) < kills:
            time.sleep(chance.uniform(0, LONGEST))
            what = chance.choice(VICTIMS)
            victims = house.victims(what)
            for victim in victims:
                try:
                    victim.kill()
                except psutil.NoSuchProcess:
                    continue
            killed[what] += bool(victims)
            if house.server.poll() is not None or what == "server":
                house.server.wait()
                house.start_server()
        _goes_on(house.told)
    return house.told, killed


def _goes_on(told: Told) -> None:
    """Wait until more was promoted, recorded and answered after the last kill."""

    def counts() -> tuple[int, int, int]:
        return len(told.promoted), len(told.outcomes), len(told.requests)

    before, until = counts(), time.monotonic() + PATIENT
    while any(now <= then for now, then in zip(counts(), before, strict=True)):
        assert time.monotonic() < until, f"nothing goes on after the last kill: {counts()}"
        time.sleep(0.1)


def judge(house: Workspace, told: Told) -> Iterator[str]:
    """What is not as callers were told, or not whole."""
    house.look_after_endpoints()
    until = time.monotonic() + PATIENT
    while time.monotonic() < until and house.store.read(lambda t: runs_in_state(t, *ACTIVE)):
        house.runs.take_in()
        time.sleep(0.1)
    yield from (f"run:{one.number} never ended" for one in house.store.read(lambda t: runs_in_state(t, *ACTIVE)))
    yield from _aliases(house, told)
    yield from _outcomes(house, told)
    lost = told.requests - _logged(house)
    yield from (f"request {one} is not in the prediction log" for one in lost)
    status = wait_settled(
        house.folder, house.store.read(lambda t: find_deployment(t, "large")), PATIENT, lambda done, words: None
    )
    if not status.settled:
        yield f"the endpoint is {status.state} with {status.model}: {status.words}"
    if broken := check_chain(house.store).broken:
        yield f"the audit log: {broken}"


def _aliases(house: Workspace, told: Told) -> Iterator[str]:
    """Each move follows the one before, by a run that promoted, with its evidence and its line of audit, once."""
    moves = house.store.read(lambda t: alias_history(t, "large", "champion"))
    for later, earlier in itertools.pairwise(moves):
        if later.previous != earlier.version or later.number != earlier.number + 1:
            yield f"{later} does not follow {earlier}"
    runs = Counter(move.run for move in moves[:-1])
    yield from (f"run:{run} moved the alias {count} times" for run, count in runs.items() if count > 1)
    audited = Counter(
        line.run
        for version in VERSIONS
        for line in house.store.read(lambda t, version=version: activity_of(t, f"model:large@{version}", 100_000))
    )
    for move in moves[:-1]:
        run = house.store.read(lambda t, move=move: get_run(t, move.run or 0))
        evidence = house.store.read(lambda t, move=move: gate_results_of(t, move.run or 0))
        if run.state != "completed" or run.result["outcome"] != "promoted" or not evidence or audited[move.run] != 1:
            yield f"half promoted: {move}, {run.state}, {len(evidence)} gates, {audited[move.run]} lines of audit"
    for number, version in told.promoted.items():
        run = house.store.read(lambda t, number=number: get_run(t, number))
        if run.result.get("outcome") != "promoted" or run.result.get("model") != f"large@{version}":
            yield f"run:{number} was said to have promoted large@{version}"


def _outcomes(house: Workspace, told: Told) -> Iterator[str]:
    files = house.store.read(lambda t: outcome_files(t, "large"))
    sql = outcome_tables(house.folder, files, prediction_tables(house.folder, "large"), ("no", "yes"))
    with connect(threads=1) as connection:
        rows = connection.execute(f"SELECT prediction_id, outcome FROM ({sql})").fetchall()
    known = dict(rows)
    if len(known) != len(rows):
        yield f"{len(rows) - len(known)} outcomes stand twice"
    for prediction, outcome in told.outcomes.items():
        if prediction not in known:
            yield f"the outcome of {prediction} is lost"
        elif known[prediction] != outcome and prediction not in told.unsure:
            yield f"the outcome of {prediction} is {known[prediction]}, last said was {outcome}"


def _logged(house: Workspace) -> set[str]:
    with connect(threads=1) as connection:
        relation = prediction_tables(house.folder, "large")
        return {one for (one,) in connection.execute(f"SELECT DISTINCT request_id FROM {relation}").fetchall()}


if __name__ == "__main__":
    main()
