"""`--compute dask://HOST:PORT`: a cluster works on the pieces of a training, with the results of working here."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from threadpoolctl import threadpool_limits

from mlsteward.config import Settings
from mlsteward.data.snapshot import Column
from mlsteward.errors import UnusableData
from mlsteward.evaluation.importance import Importance, permutation_importance
from mlsteward.runs.compute import computing
from mlsteward.runs.environment import SETTLED
from mlsteward.training.options import SplitChoice, TrainOptions
from mlsteward.training.prepare import Table
from mlsteward.training.spread import spread, width
from mlsteward.training.train import Trained, train
from tests.cluster_pieces import dies_once, late_by_delay, refuses, scaled, sums
from tests.judged import flights

distributed = pytest.importorskip("distributed", reason="the extra `dask` is not installed")

CANDIDATES = ["dummy", "linear", "boosting_small"]


def address(cluster: Any) -> str:
    return f"dask://{cluster.scheduler_address.removeprefix('tcp://')}"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two workers, each a process with one thread; one that is killed comes back."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SETTLED.items():
            patch.setenv(name, value)
        options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None, "host": "127.0.0.1"}
        with distributed.LocalCluster(**options, silence_logs=50) as cluster:
            yield cluster


def test_pieces_are_worked_on_here_without_a_cluster() -> None:
    assert spread(scaled, [(1.0,), (2.0,)], (3.0,)) == [3.0, 6.0]
    assert width() == 1
    with computing(""):
        assert spread(scaled, []) == []


def test_pieces_come_back_in_their_order_from_two_workers(cluster: Any) -> None:
    table = np.random.default_rng(0).normal(size=(6, 1000))
    with computing(address(cluster)):
        assert width() == 2
        assert spread(sums, [(row,) for row in range(6)], (table,)) == [float(row.sum()) for row in table]
    assert width() == 1


def test_a_piece_whose_worker_is_killed_is_worked_on_by_another(cluster: Any, tmp_path: Path) -> None:
    with computing(address(cluster)):
        assert spread(dies_once, [(value,) for value in range(4)], (str(tmp_path / "marker"),)) == [0, 1, 2, 3]
    assert (tmp_path / "marker").exists()


def test_what_a_piece_raises_reaches_the_caller_in_its_own_words(cluster: Any) -> None:
    with computing(address(cluster)), pytest.raises(UnusableData, match=r"7\.0 cannot be used") as caught:
        spread(refuses, [(7.0,)])
    assert caught.value.next == "list_datasets()"


def test_a_training_on_a_cluster_that_loses_a_worker_gives_what_it_gives_here(cluster: Any) -> None:
    """The portfolio's folds and its fits; one of the two workers is killed in the middle."""
    here = trained()
    killed = threading.Event()
    killer = threading.Thread(target=_kill_a_busy_worker, args=(cluster, killed))
    killer.start()
    with computing(address(cluster)):
        there = trained()
    killer.join(240)
    assert killed.is_set()
    assert there.metrics == here.metrics
    assert there.baselines == here.baselines
    for first, second in ((here.test, there.test), (here.fitted, there.fitted)):
        assert first.scores is not None
        assert second.scores is not None
        assert np.array_equal(first.scores, second.scores)
    board = [[(one.name, one.score, one.sd, one.weight) for one in each.selected.leaderboard] for each in (here, there)]
    assert board[0] == board[1]


def test_a_search_of_parameters_on_a_cluster_gives_what_it_gives_here(cluster: Any) -> None:
    here = trained(estimator="logistic_regression", tune=3, params={})
    with computing(address(cluster)):
        there = trained(estimator="logistic_regression", tune=3, params={})
    assert [one.params for one in here.selected.leaderboard] == [one.params for one in there.selected.leaderboard]
    assert there.metrics == here.metrics


def test_columns_permuted_on_a_cluster_are_worth_what_they_are_here(cluster: Any) -> None:
    frame = flights(200, 1)
    groups = [["dep_delay"], ["distance"], ["origin"]]

    def measured() -> list[Importance]:
        truth = frame["late"].to_numpy()
        return permutation_importance(
            late_by_delay, frame, truth, task="binary", metric="roc_auc", groups=groups, seed=0
        )

    here = measured()
    with computing(address(cluster)):
        assert measured() == here
    assert here[0].columns == ["dep_delay"]


def trained(**options: Any) -> Trained:
    """A training of a few rows, by the whole of the pure code."""
    frame = flights(200, 0).drop(columns="minutes")
    types = {"day": "TIMESTAMP", "dep_delay": "DOUBLE", "distance": "BIGINT", "origin": "VARCHAR", "late": "VARCHAR"}
    share = np.random.default_rng(0).random(len(frame))
    columns = [Column(name=name, type=type_) for name, type_ in types.items()]
    table = Table(frame, columns, {}, np.arange(len(frame), dtype=np.uint64), share)
    asked = {"target": "late", "estimator": "auto", "params": {"candidates": CANDIDATES}, **options}
    choice = SplitChoice(kind="row", identity=[name for name in types if name != "late"])
    with threadpool_limits(limits=1):
        return train(table, TrainOptions.model_validate(asked), choice, lambda done, message: None)


def _kill_a_busy_worker(cluster: Any, killed: threading.Event) -> None:
    """Kill the first worker that is seen working; gives up after some minutes."""
    waited = threading.Event()
    for _ in range(20_000):
        for worker in list(cluster.scheduler.workers.values()):
            busy = [task for task in list(worker.processing) if "_alone" in str(task.key)]
            nanny = cluster.workers.get(worker.name)  # none while the cluster starts it again
            if busy and nanny is not None and nanny.pid:
                os.kill(nanny.pid, 9)
                killed.set()
                return
        waited.wait(0.01)


def test_a_cluster_that_is_not_there_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlsteward.runs.compute._PATIENCE", 0.2)
    with computing("dask://127.0.0.1:9"), pytest.raises(UnusableData, match="No Dask cluster with a worker answers"):
        spread(scaled, [(1.0,)], (1.0,))


def test_only_the_address_of_a_scheduler_names_a_cluster() -> None:
    assert Settings(compute="dask://cluster.local:8786/").compute == "dask://cluster.local:8786"
    assert Settings(compute="dask://[::1]:8786").compute == "dask://[::1]:8786"
    for wrong in ("tcp://here:8786", "dask://here", "dask://here:x", "ray://here:1"):
        with pytest.raises(ValidationError, match="it takes dask://HOST:PORT"):
            Settings(compute=wrong)
