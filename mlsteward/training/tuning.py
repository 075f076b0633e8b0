"""Search of a named estimator's parameters by successive halving (Jamieson & Talwalkar 2016)."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mlsteward.errors import InvalidArgument
from mlsteward.evaluation.directions import greater_is_better
from mlsteward.training.estimators import Draw, find_estimator
from mlsteward.training.fitting import Candidate, Problem, Rows, cross_fit
from mlsteward.training.portfolio import Scored, score
from mlsteward.training.spread import width

FACTOR = 3
_FEWEST_ROWS = 100


def draw_candidates(candidate: Candidate, problem: Problem, count: int) -> list[Candidate]:
    """`candidate` itself, then `count` draws from its space; parameters that it fixes stay fixed."""
    space = find_estimator(candidate.estimator, problem.task).space
    free = {name: draw for name, draw in space.items() if name not in candidate.params}
    if not free:
        raise InvalidArgument(f"{candidate.estimator} has no parameter left to tune.")
    generator = np.random.default_rng(problem.seed)
    drawn = [{name: _draw(generator, draw) for name, draw in free.items()} for _ in range(count)]
    return [candidate] + [
        replace(candidate, name=f"{candidate.name} #{place + 1}", params={**candidate.params, **params})
        for place, params in enumerate(drawn)
    ]


def _draw(generator: np.random.Generator, draw: Draw) -> Any:
    kind, *values = draw
    if kind == "choice":
        return values[int(generator.integers(len(values)))]
    low, high = values
    if kind == "integer":
        return int(generator.integers(low, high + 1))
    if kind == "log":
        return float(np.exp(generator.uniform(np.log(low), np.log(high))))
    return float(generator.uniform(low, high))


def halve(
    candidates: Sequence[Candidate],
    problem: Problem,
    rows: Rows,
    *,
    metric: str,
    classes: Sequence[str],
    progress: Callable[[float, str], None],
) -> list[Scored]:
    """Cross-fit all candidates on few rows and the best third on three times as many, up to all rows.

    Returns the finalists, scored on all rows, the best first; the first candidate (the defaults) is always one.
    """
    rungs = _rungs(len(candidates), len(rows.target))
    alive = list(candidates)
    scored: list[Scored] = []
    for rung, size in enumerate(rungs):
        chosen = np.sort(np.random.default_rng(problem.seed).permutation(len(rows.target))[:size])
        part = rows if size == len(rows.target) else rows.take(chosen)
        scored = []
        # Here one by one, so that progress is told; elsewhere as many as are worked on at a time.
        at_once = 1 if width() == 1 else len(alive)
        for place in range(0, len(alive), at_once):
            part_of = alive[place : place + at_once]
            progress((rung + place / len(alive)) / len(rungs), f"tuning: {part_of[0].name} on {size:,} rows")
            scored += [score(one, metric=metric, classes=classes) for one in cross_fit(part_of, problem, part)]
        scored = ranked(scored, metric)
        keep = max(1, len(alive) // FACTOR)
        survivors = [one.cross_fit.candidate for one in scored[:keep]]
        alive = survivors if candidates[0] in survivors else [*survivors, candidates[0]]
    return scored


def _rungs(count: int, rows: int) -> list[int]:
    """Rows per rung: as many rungs as the candidates allow and the first still has enough rows."""
    rungs = [rows]
    while count >= FACTOR ** len(rungs) and rungs[0] // FACTOR >= _FEWEST_ROWS:
        rungs.insert(0, rungs[0] // FACTOR)
    return rungs


def ranked(scored: Sequence[Scored], metric: str) -> list[Scored]:
    """The best first; a candidate whose metric is undefined last."""
    sign = -1.0 if greater_is_better(metric) else 1.0
    return sorted(scored, key=lambda one: (np.isnan(one.mean), sign * one.mean))
