"""How much was asked of a deployment, how much of it failed, and how long the rest took."""

from collections.abc import Sequence

import numpy as np

from mlsteward.answer import counted, number
from mlsteward.drift.checks import share
from mlsteward.drift.rates import rate_p, rate_severity
from mlsteward.monitoring.deployment_report import Traffic, TrafficChange
from mlsteward.monitoring.grids import latency_quantile
from mlsteward.monitoring.plan import LATENCY_CELLS
from mlsteward.monitoring.stored_window import StoredWindow
from mlsteward.monitoring.window_profile import Floats

# The first parts of every plan's windows.
_LATENCY = slice(3, 3 + LATENCY_CELLS)
_ERROR_FLOOR = 0.005
_ERROR_P = 0.001
# Without anything before it, from this share on errors are too many.
_MOST_ERRORS = 0.05
_FEWEST_ERRORS = 5
_SLOWER, _SLOWER_MS = 1.5, 10.0
_FEWEST_SERVED = 100


def requests_of(windows: Sequence[StoredWindow]) -> Floats:
    """(3 + cells,) requests and latencies of windows of any model."""
    return sum((window.totals[: _LATENCY.stop] for window in windows), np.zeros(_LATENCY.stop))


def traffic_of(model: str, role: str, windows: Sequence[StoredWindow]) -> Traffic:
    """What a model answered in a role."""
    found = requests_of(windows)
    quantiles = {name: latency_quantile(found[_LATENCY], level) for name, level in _LEVELS.items()}
    return Traffic(model=model, role=role, rows=int(found[0]), errors=int(found[1]), **quantiles)


_LEVELS = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


def compare_traffic(before: Sequence[StoredWindow], now: Sequence[StoredWindow]) -> TrafficChange:
    """The answers of a span beside those before it.

    Errors rose where a test of two shares says so at 0.1 % and the share grew by half or more (by five of a hundred
    where nothing was before); answers are slower where the 95th percentile is half as long again and 10 ms more.
    """
    first, second = requests_of(before), requests_of(now)
    errors, rows = int(second[1]), int(second[0])
    p = rate_p(int(first[1]), int(first[0]), errors, rows) if first[0] and rows else None
    if p is None:
        rose = errors >= _FEWEST_ERRORS and errors > _MOST_ERRORS * rows
    else:
        shares = float(first[1] / first[0]), errors / rows
        severity = rate_severity(*shares, _ERROR_FLOOR, int(first[0]), rows)
        rose = bool(p <= _ERROR_P and shares[1] > shares[0] and severity >= 1 and errors >= _FEWEST_ERRORS)
    p95, before_p95 = latency_quantile(second[_LATENCY], 0.95), latency_quantile(first[_LATENCY], 0.95)
    enough = min(first[_LATENCY].sum(), second[_LATENCY].sum()) >= _FEWEST_SERVED
    slower = bool(enough and p95 and before_p95 and p95 > max(_SLOWER * before_p95, before_p95 + _SLOWER_MS))
    found = TrafficChange(
        rows=rows,
        errors=errors,
        before_rows=int(first[0]),
        before_errors=int(first[1]),
        errors_p=p,
        errors_rose=rose,
        p95=p95,
        before_p95=before_p95,
        slower=slower,
    )
    return found.model_copy(update={"words": _words(found)})


def _words(found: TrafficChange) -> str:
    errors = f"{share(found.errors / found.rows)} errors" if found.errors else "no errors"
    if found.before_rows and (found.errors or found.before_errors):
        errors += f" (before: {share(found.before_errors / found.before_rows)})"
    latency = f", 95 % within {number(found.p95, 3)} ms" if found.p95 else ""
    if found.before_p95 and found.p95:
        latency += f" (before: {number(found.before_p95, 3)} ms)"
    return f"{counted(found.rows, 'row')}, {errors}{latency}"
