"""Detectors of rising loss on Friedman's drifting function, the set-up of PITMonitor (arXiv 2603.13156).

A network learns 10,000 rows; 2,500 rows without and 2,500 rows with a change follow, in fresh trials. Ours judges
windows of ten rows against 2,500 held-out rows; windows begin at random, so that the change falls anywhere in one.

    uv run python -m benchmarks.friedman_drift [--trials 2000] [--seed 0] [--river PYTHON]

PYTHON is that of an environment with river: its ADWIN, as it comes, then judges the same squared errors row by row,
and its generator is held against the functions below. Without it ADWIN is ours alone, on windows.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from sklearn.neural_network import MLPRegressor

from mlsteward.monitoring.adwin import cuts
from mlsteward.monitoring.baseline import Floats, Losses, baseline_of, standardised
from mlsteward.monitoring.budget import NOTICES
from mlsteward.monitoring.shiryaev_roberts import evidence, first_above
from mlsteward.monitoring.watch import TOLERANCE

ROWS = 2_500
TRAINING = 10_000
WINDOW = 10
# One false alarm in 250,000 rows: about one in a hundred trials as long as 2,500 rows.
BUDGET = 250_000
GRADUAL = 100
BATCH = 100
SCENARIOS = ("gra", "gsg", "lea")
HEADER = f"{'':26}{'true':>8}{'false':>8}{'delay: mean':>13}{'median':>8}{'90 %':>7}"


def before(x: Floats) -> Floats:
    """Friedman's function, of the first five of ten columns."""
    return 10 * np.sin(np.pi * x[..., 0] * x[..., 1]) + 20 * (x[..., 2] - 0.5) ** 2 + 10 * x[..., 3] + 5 * x[..., 4]


def _swapped(x: Floats, last: int) -> Floats:
    return 10 * np.sin(np.pi * x[..., 3] * x[..., last]) + 20 * (x[..., 1] - 0.5) ** 2 + 10 * x[..., 0] + 5 * x[..., 2]


def _local(x: Floats) -> Floats:
    """Another function in two corners, which 1.6 % of the rows fall into (Ikonomovska et al. 2011)."""
    low, high = x < 0.3, x > 0.7
    one = low[..., 1] & low[..., 2] & high[..., 3] & low[..., 4]
    other = high[..., 1] & high[..., 2] & low[..., 3] & high[..., 4]
    tilted = 20 * (x[..., 2] - 0.5)
    first = 10 * x[..., 0] * x[..., 1] + tilted + 10 * x[..., 3] + 5 * x[..., 4]
    second = 10 * np.cos(x[..., 0] * x[..., 1]) + tilted + np.exp(x[..., 3]) + 5 * x[..., 4] ** 2
    return np.where(one, first, np.where(other, second, before(x)))


AFTER: dict[str, Callable[[Floats], Floats]] = {
    "gra": lambda x: _swapped(x, 5),
    "gsg": lambda x: _swapped(x, 4),
    "lea": _local,
}


class Streams:
    """Squared errors of one network on fresh rows."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        x = self.random.random((TRAINING, 10))
        y = before(x) + self.random.standard_normal(TRAINING)
        self._centre, self._scale = float(y.mean()), float(y.std())
        network = MLPRegressor(
            hidden_layer_sizes=(64, 64), learning_rate_init=0.003, alpha=1e-3, max_iter=80, random_state=seed
        )
        self._network = network.fit((x - 0.5) * 3, (y - self._centre) / self._scale)

    def losses(self, trials: int, scenario: str) -> Floats:
        """(trials, 2500) squared errors on rows before a change ("") or after one."""
        x = self.random.random((trials, ROWS, 10))
        y = AFTER.get(scenario, before)(x)
        if scenario == "gsg":
            old = self.random.random((trials, GRADUAL)) < 0.5
            y[:, :GRADUAL] = np.where(old, before(x[:, :GRADUAL]), y[:, :GRADUAL])
        y = y + self.random.standard_normal(y.shape)
        told = np.asarray(self._network.predict(((x - 0.5) * 3).reshape(-1, 10))).reshape(y.shape)
        return np.square(y - told * self._scale - self._centre)

    def batches(self, trials: int, scenario: str) -> Iterator[tuple[Floats, Floats]]:
        """Reference and stream of some trials at a time."""
        for start in range(0, trials, BATCH):
            count = min(BATCH, trials - start)
            yield (
                self.losses(count, ""),
                np.concatenate([self.losses(count, ""), self.losses(count, scenario)], axis=1),
            )


def windows_of(losses: Floats, offset: int) -> Losses:
    count = (losses.shape[1] - offset) // WINDOW
    parts = losses[:, offset : offset + count * WINDOW].reshape(len(losses), count, WINDOW)
    return Losses(np.full(count, float(WINDOW)), parts.mean(axis=2), np.square(parts).mean(axis=2))


def judge(reference: Floats, stream: Floats, offset: int) -> dict[str, Floats]:
    """After how many rows each detector spoke up first in each trial; infinity where it never did."""
    own, losses = windows_of(reference, 0), windows_of(stream, offset)
    base = baseline_of(own, TOLERANCE)
    spread = base.spread(losses.rows)
    found = evidence(standardised(losses, base.limit, spread, base.correlation), base.skewness, base.kurtosis)
    alarms = first_above(found, BUDGET / WINDOW)
    past = standardised(own, base.mean, base.spread(own.rows), base.correlation)
    later = standardised(losses, base.mean, spread, base.correlation)
    history = past.shape[1]
    noticed = cuts(np.concatenate([past, later], axis=1), history, BUDGET / WINDOW / NOTICES)
    notices = np.where(noticed.first >= 0, noticed.first - history, -1)
    rows = {"alarm": alarms, "notice": notices}
    told = {name: np.where(each >= 0, offset + (each + 1.0) * WINDOW, np.inf) for name, each in rows.items()}
    return {**told, "alarm or notice": np.minimum(told["alarm"], told["notice"])}


def river_adwin(python: str, streams: Floats) -> Floats:
    """What river's ADWIN says of the same streams, row by row."""
    script = (
        "import sys, numpy as np\nfrom river.drift import ADWIN\nout = []\n"
        "for row in np.load(sys.argv[1]):\n    a = ADWIN(); at = np.inf\n"
        "    for i, v in enumerate(row.tolist()):\n        a.update(v)\n"
        "        if a.drift_detected:\n            at = i + 1.0; break\n    out.append(at)\n"
        "np.save(sys.argv[2], np.array(out))\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        given, taken = Path(folder, "in.npy"), Path(folder, "out.npy")
        np.save(given, streams)
        subprocess.run([python, "-c", script, str(given), str(taken)], check=True)
        return np.load(taken)


def check_generator(python: str) -> float:
    """The largest difference between river's values and ours on the same random numbers."""
    script = (
        "import json, sys\nfrom river.datasets.synth import FriedmanDrift\n"
        "far = (10**6, 10**6 + 1)\nout = {}\n"
        "for kind in ('gra', 'gsg', 'lea'):\n"
        "    at = (500, *far) if kind == 'lea' else (500, far[0])\n"
        "    stream = FriedmanDrift(drift_type=kind, position=at, transition_window=0, seed=7)\n"
        "    out[kind] = [y for _, y in stream.take(3000)]\n"
        "print(json.dumps(out))"
    )
    import json

    told = json.loads(subprocess.run([python, "-c", script], check=True, capture_output=True, text=True).stdout)
    worst = 0.0
    for scenario in SCENARIOS:
        numbers = random.Random(7)
        rows = [([numbers.uniform(0, 1) for _ in range(10)], numbers.gauss(0, 1)) for _ in range(3000)]
        x, noise = np.array([row for row, _ in rows]), np.array([one for _, one in rows])
        y = np.where(np.arange(3000) < 500, before(x), AFTER[scenario](x)) + noise
        worst = max(worst, float(np.abs(y - np.array(told[scenario])).max()))
    return worst


def line(name: str, after: Floats) -> str:
    false = after <= ROWS
    delays = after[~false & np.isfinite(after)] - ROWS
    spots = [delays.mean(), np.median(delays), np.quantile(delays, 0.9)] if len(delays) else [np.nan] * 3
    rates = f"{len(delays) / len(after):8.1%}{false.mean():8.1%}"
    return f"{name:26}{rates}{spots[0]:13.0f}{spots[1]:8.0f}{spots[2]:7.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--river", default="", metavar="PYTHON")
    given = parser.parse_args()
    if given.river:
        sys.stdout.write(f"river's generator and ours differ by at most {check_generator(given.river):.1e}\n")
    streams = Streams(given.seed)
    for scenario in SCENARIOS:
        spoke: dict[str, list[Floats]] = {}
        ours = theirs = 0.0
        for reference, stream in streams.batches(given.trials, scenario):
            clock = time.process_time()
            for name, after in judge(reference, stream, int(streams.random.integers(WINDOW))).items():
                spoke.setdefault(f"ours, {name}", []).append(after)
            ours += time.process_time() - clock
            if given.river:
                clock = time.perf_counter()
                spoke.setdefault("river's ADWIN", []).append(river_adwin(given.river, stream))
                theirs += time.perf_counter() - clock
        sys.stdout.write(
            f"\n{scenario.upper()}, {given.trials} trials, {ours:.1f} s of CPU for our detectors\n{HEADER}\n"
        )
        for name, parts in spoke.items():
            sys.stdout.write(line(name, np.concatenate(parts)) + "\n")


if __name__ == "__main__":
    main()
