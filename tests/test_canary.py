"""When a canary is said to do worse: soon when it does, hardly ever when it does not."""

from pathlib import Path

import numpy as np
import pytest

from mlsteward.monitoring.canary import ALPHA, TOLERATED, Race, What, slow_limit, wide_limit
from mlsteward.serving.endpoint.canary_guard import CanaryGuard, read_counts


def stopped_at(what: What, rates: tuple[float, float], percent: float, requests: int, seed: int) -> int | None:
    """After how many requests a canary is stopped; `rates` are the champion's and the canary's."""
    generator = np.random.default_rng(seed)
    is_canary = generator.random(requests) < percent / 100
    happened = generator.random(requests) < np.where(is_canary, rates[1], rates[0])
    champion = np.cumsum(happened & ~is_canary)
    canary = np.cumsum(happened & is_canary)
    for place in np.flatnonzero(happened & is_canary):
        if Race(what=what, champion=int(champion[place]), canary=int(canary[place])).is_worse(percent):
            return int(place)
    return None


@pytest.mark.parametrize("percent", [5, 50])
@pytest.mark.parametrize("what", ["errors", "wrong predictions"])
def test_a_canary_that_is_no_worse_than_tolerated_is_hardly_ever_stopped(what: What, percent: float) -> None:
    rates = 0.1, 0.1 * TOLERATED[what]
    stopped = [stopped_at(what, rates, percent, 4000, seed) for seed in range(200)]
    assert sum(one is not None for one in stopped) / 200 <= ALPHA + 0.01


def test_a_canary_that_always_fails_is_stopped_within_its_first_answers() -> None:
    stopped = [stopped_at("errors", (0.0, 1.0), 10, 2000, seed) for seed in range(50)]
    assert all(one is not None for one in stopped)
    assert np.median([one for one in stopped if one is not None]) < 60


def test_a_canary_with_twice_the_wrong_predictions_is_stopped() -> None:
    stopped = [stopped_at("wrong predictions", (0.1, 0.2), 20, 8000, seed) for seed in range(50)]
    assert sum(one is not None for one in stopped) >= 49


def test_an_outage_that_hits_both_models_says_nothing_against_the_canary() -> None:
    """The rate moves from nothing to everything; only the share of the canary counts."""
    generator = np.random.default_rng(5)
    is_canary = generator.random(3000) < 0.1
    race = Race(what="errors", champion=int((~is_canary).sum()), canary=int(is_canary.sum()))
    assert not race.is_worse(10)


def test_slow_is_far_above_what_the_champion_usually_takes() -> None:
    assert slow_limit([1.0] * 200) == 11
    assert slow_limit([100.0] * 200) == 150
    assert wide_limit([float(number) for number in range(1, 101)]) == 90


def guard(folder: Path, **more: int) -> CanaryGuard:
    return CanaryGuard(folder, champion="delay@1", canary="delay@2", **{"percent": 10, "since": 2, **more})


def test_a_failing_canary_stops_itself_and_stays_stopped_when_its_endpoint_starts_again(tmp_path: Path) -> None:
    watch = guard(tmp_path)
    for number in range(200):
        watch.saw("canary" if number % 10 == 0 else "champion", str(number), error=number % 10 == 0, latency_ms=1)
        if watch.stopped:
            break
    assert watch.stopped.startswith("delay@2 did worse than delay@1: errors: 4 of 4 against 0 of 27")
    assert guard(tmp_path).stopped == watch.stopped
    kept = read_counts(tmp_path)
    assert kept and kept.stopped == watch.stopped
    assert guard(tmp_path, since=9).stopped == ""


def test_a_slow_canary_stops_itself(tmp_path: Path) -> None:
    watch = guard(tmp_path)
    for number in range(600):
        watch.saw(
            "canary" if number % 10 == 0 else "champion",
            str(number),
            error=False,
            latency_ms=40 if number % 10 == 0 else 1,
        )
    assert "slow answers" in watch.stopped


def test_a_slow_and_failing_champion_is_no_ground_to_stop_the_canary(tmp_path: Path) -> None:
    watch = guard(tmp_path)
    for number in range(2000):
        watch.saw(
            "canary" if number % 10 == 0 else "champion", str(number), error=number % 7 == 0, latency_ms=number % 50
        )
    assert watch.stopped == ""
    assert watch.counts.requests == {"champion": 1800, "canary": 200}


def test_one_caller_whose_requests_all_fail_counts_once(tmp_path: Path) -> None:
    watch = guard(tmp_path)
    for number in range(1000):
        watch.saw("champion", str(number), error=False, latency_ms=1)
        watch.saw("canary", "the same customer", error=True, latency_ms=1)
    assert watch.stopped == ""
    assert watch.counts.errors.canary == 1
