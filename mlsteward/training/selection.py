"""Choosing what is served: one named estimator, a tuned one, or an ensemble of the portfolio."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mlsteward.evaluation.directions import greater_is_better
from mlsteward.training.bundle import Member
from mlsteward.training.ensemble import greedy_weights
from mlsteward.training.estimators import find_estimator
from mlsteward.training.fitting import Candidate, CrossFit, Problem, Rows, cross_fit, fit_member, fit_members
from mlsteward.training.options import TrainOptions
from mlsteward.training.parameters import check_parameters
from mlsteward.training.portfolio import DUMMY, LINEAR, Scored, named_candidates, portfolio, score, search
from mlsteward.training.prepare import SELECTION_ROWS
from mlsteward.training.signature import Place
from mlsteward.training.spread import width
from mlsteward.training.tuning import draw_candidates, halve, ranked

Floats = NDArray[np.float64]
Progress = Callable[[float, str], None]

_LARGE = 5_000
_MOST_MEMBERS = 5
_MOST_MEMBERS_LARGE = 3
_RAREST_ROWS = 200
_BASELINE_ROWS = 20_000


@dataclass(frozen=True)
class Selected:
    """What is served and how it came about.

    `members` are fitted on all training rows; `scores` (m, k) are their out-of-fold scores of the rows that were
    cross-fitted; `baselines` are dummy and linear, fitted too. `fold_members` were fitted on the last fold's rows.
    """

    members: list[Member]
    scores: Floats
    baselines: dict[str, Member]
    leaderboard: list[Place]
    unreached: list[str]
    fold_members: list[Member]


def cross_fitting(options: TrainOptions, rows: int, rarest: float = 1.0) -> tuple[int, int]:
    """How many folds, and how many of `rows` training rows at most are cross-fitted.

    A search over few rows takes 5 folds, over many 3 folds of 20,000 rows. One named estimator is judged on held-out
    rows alone, so two folds of 5,000 rows are enough for its threshold and keep its run close to the bare fit. A class
    of the share `rarest` takes more rows, up to 20,000: models of few positives are far surer of themselves than the
    one that is served.
    """
    if options.estimator == "auto" or options.tune:
        return (5 if rows <= _LARGE else 3), SELECTION_ROWS
    return 2, int(np.clip(_RAREST_ROWS / rarest, _LARGE, SELECTION_ROWS))


def select(
    options: TrainOptions,
    problem: Problem,
    rows: Rows,
    part: Rows,
    *,
    metric: str,
    classes: list[str],
    progress: Progress,
) -> Selected:
    """Choose and fit on `rows` (all training rows), judging candidates on `part` of them."""
    if options.estimator == "auto":
        return _select_auto(options, problem, rows, part, metric=metric, classes=classes, progress=progress)
    params = check_parameters(options.estimator, problem.task, options.params)
    candidate = Candidate(options.estimator, options.estimator, params)
    if not options.tune:
        return _select_named(candidate, problem, rows, part, metric=metric, classes=classes, progress=progress)
    drawn = draw_candidates(candidate, problem, options.tune)
    finalists = halve(drawn, problem, part, metric=metric, classes=classes, progress=progress)
    return _serve(finalists, {finalists[0].name: 1.0}, problem, rows, [], progress)


def _select_named(
    candidate: Candidate,
    problem: Problem,
    rows: Rows,
    part: Rows,
    *,
    metric: str,
    classes: list[str],
    progress: Progress,
) -> Selected:
    """Fit the candidate, and cross-fit it for the threshold and the scores of training rows."""
    progress(0.1, f"fitting {candidate.name} on {len(rows.target):,} rows")
    member = fit_member(candidate, problem, rows)
    progress(0.5, f"cross-fitting {candidate.name} on {len(part.target):,} rows")
    (crossed,) = cross_fit([candidate], problem, part)
    return Selected(
        members=[member],
        scores=crossed.scores,
        baselines=_baselines(problem, rows),
        leaderboard=[_place(score(crossed, metric=metric, classes=classes), 1.0)],
        unreached=[],
        fold_members=crossed.members(),
    )


def _select_auto(
    options: TrainOptions,
    problem: Problem,
    rows: Rows,
    part: Rows,
    *,
    metric: str,
    classes: list[str],
    progress: Progress,
) -> Selected:
    candidates = portfolio(problem.task, len(part.target))
    names = options.params.get("candidates")
    check_auto_params(options)
    if names is not None:
        candidates = named_candidates(candidates, names)
    found = search(
        candidates,
        problem,
        part,
        metric=metric,
        classes=classes,
        budget=None if names is not None else options.cpu_budget,
        progress=lambda done, message: progress(0.8 * done, message),
    )
    weights = ensemble_weights(found.scored, problem, part, metric=metric, classes=classes, serve=options.serve)
    return _serve(found.scored, weights, problem, rows, found.unreached, progress)


def check_auto_params(options: TrainOptions) -> None:
    """estimator="auto" takes one parameter: the names of the candidates of an earlier run."""
    from mlsteward.errors import InvalidArgument

    others = sorted(set(options.params) - {"candidates"})
    if others:
        raise InvalidArgument(
            f"estimator='auto' takes no {', '.join(others)}: its params are candidates=[…], for a replay. "
            "Name an estimator to set its parameters.",
            next='train_model(dataset=…, target=…, estimator="hist_gradient_boosting")',
        )


def ensemble_weights(
    scored: list[Scored], problem: Problem, part: Rows, *, metric: str, classes: list[str], serve: str
) -> dict[str, float]:
    """Weights by name: of a greedy ensemble, or of the best single candidate when that is a standard error better."""
    ordered = ranked(scored, metric)
    best = {ordered[0].name: 1.0}
    library = [one for one in scored if one.name != DUMMY.name]
    if serve == "single" or len(library) < 2:
        return best
    most = _MOST_MEMBERS if len(part.target) <= _LARGE else _MOST_MEMBERS_LARGE
    found = greedy_weights(
        problem.task, part.target, [one.cross_fit.scores for one in library], part.weights, most=most
    )
    together = replace_scores(library[0].cross_fit, blend([one.cross_fit.scores for one in library], found))
    whole = score(together, metric=metric, classes=classes)
    sign = 1.0 if greater_is_better(metric) else -1.0
    folds = len(np.unique(part.folds))
    if sign * (whole.mean - ordered[0].mean) < -ordered[0].sd / np.sqrt(folds):
        return best
    return {one.name: float(weight) for one, weight in zip(library, found, strict=True) if weight > 0}


def replace_scores(cross_fit: CrossFit, scores: Floats) -> CrossFit:
    """A cross-fit of the same rows with other scores."""
    copy = CrossFit(replace(cross_fit.candidate, name="ensemble"), cross_fit.problem, cross_fit.rows)
    copy.pending, copy.scores = [], scores
    return copy


def blend(library: list[Floats], weights: Floats) -> Floats:
    return np.sum([weight * scores for weight, scores in zip(weights, library, strict=True)], axis=0)


def _serve(
    scored: list[Scored],
    weights: dict[str, float],
    problem: Problem,
    rows: Rows,
    unreached: list[str],
    progress: Progress,
) -> Selected:
    """Fit what has a weight on all training rows."""
    chosen = [one for one in scored if one.name in weights]
    members: list[Member] = []
    at_once = 1 if width() == 1 else len(chosen)
    for place in range(0, len(chosen), at_once):
        part = chosen[place : place + at_once]
        named = ", ".join(one.name for one in part)
        progress(0.8 + 0.15 * place / len(chosen), f"fitting {named} on {len(rows.target):,} rows")
        members += fit_members([one.cross_fit.candidate for one in part], problem, rows)
    for one, member in zip(chosen, members, strict=True):
        member.weight = weights[one.name]
    fold_members = [member for one in chosen for member in one.cross_fit.members(weights[one.name])]
    scores = blend([one.cross_fit.scores for one in chosen], np.array([weights[one.name] for one in chosen]))
    board = [_place(one, weights.get(one.name, 0.0)) for one in scored]
    known = {member.name: member for member in members}
    return Selected(members, scores, _baselines(problem, rows, known), board, unreached, fold_members)


def _baselines(problem: Problem, rows: Rows, known: dict[str, Member] | None = None) -> dict[str, Member]:
    """Dummy and linear, on at most 20,000 rows: more would change neither."""
    known = known or {}
    part = rows
    if len(rows.target) > _BASELINE_ROWS:
        part = rows.take(np.linspace(0, len(rows.target) - 1, _BASELINE_ROWS).astype(np.int64))
    wanted = (DUMMY, LINEAR[problem.task])
    fresh = [one for one in wanted if one.name not in known]
    fitted = dict(zip([one.name for one in fresh], fit_members(fresh, problem, part), strict=True))
    return {one.name: known.get(one.name) or fitted[one.name] for one in wanted}


def _place(scored: Scored, weight: float) -> Place:
    candidate = scored.cross_fit.candidate
    return Place(
        name=candidate.name,
        estimator=candidate.estimator,
        params={**find_estimator(candidate.estimator, scored.cross_fit.problem.task).defaults, **candidate.params},
        score=None if np.isnan(scored.mean) else scored.mean,
        sd=None if np.isnan(scored.sd) else scored.sd,
        cpu_seconds=round(scored.cross_fit.cpu_seconds, 3),
        weight=weight,
    )
