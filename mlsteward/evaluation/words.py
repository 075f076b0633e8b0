"""How a judgement reads. Light, like the judgement itself."""

from collections.abc import Sequence

from mlsteward.answer import cell, clipped, counted, interval, markdown_table, number, table
from mlsteward.evaluation.directions import greater_is_better
from mlsteward.evaluation.judgement import (
    MINIMUM_UNITS,
    CalibrationScore,
    Comparison,
    Judgement,
    NamedSlice,
    Score,
    WorstSlice,
)

# What is shown of a long list.
WORST = 3
NAMED = 10
BINS = 10
NOTES = 6
_LEVEL = 0.05
_SLICE = 110
_FEWEST_CALIBRATED = 100
_MOST_CONFUSED = 5


def judgement_verdict(
    judgement: Judgement, *, model: str, dataset: str, metric: str, held_out: bool, left_out: int
) -> str:
    """The judgement in one or two sentences."""
    score = judgement.score(metric)
    said = f"{metric} {score_words(score)}" if score and score.value is not None else f"{metric} cannot be computed"
    which = f"the {judgement.rows:,} held-out rows of {dataset}, its training data" if held_out else dataset
    out = "" if held_out else f" ({counted(judgement.rows, 'row')} that it did not see"
    if out:
        out += f"; {counted(left_out, 'training row')} left out)" if left_out else ")"
    parts = [f"{model} on {which}{out}: {said}"]
    if judgement.units < MINIMUM_UNITS:
        parts[0] += f", not enough data for an interval ({counted(judgement.units, judgement.unit)})"
    else:
        parts[0] += f", 95 % interval over {judgement.units:,} {judgement.unit}s"
    if judgement.comparison:
        parts.append(comparison_words(judgement.comparison, model))
    if judgement.worst:
        parts.append(f"Worst slice: {' and '.join(judgement.worst[0].conditions)}")
    return ". ".join(parts) + "."


def score_words(score: Score | None) -> str:
    return interval(score.value, score.low, score.high) if score else "–"


def comparison_words(found: Comparison, model: str) -> str:
    """Which of the two models is better, or that it cannot be told."""
    values = f"{found.metric} {number(found.first)} against {number(found.second)} on {found.rows:,} rows neither saw"
    if found.difference is None:
        return f"Not compared with {found.other}: {found.metric} cannot be computed on {found.rows:,} shared rows"
    if found.p is None:
        return f"Not enough data to compare with {found.other} ({values}, {counted(found.units, 'independent unit')})"
    tested = f"difference {interval(found.difference, found.low, found.high)}, p {number(found.p, 2)}"
    if found.p > _LEVEL:
        return f"No clear difference from {found.other} ({values}; {tested})"
    better = (found.difference > 0) == greater_is_better(found.metric)
    return f"{'Better' if better else 'Worse'} than {found.other} ({values}; {tested})"


def calibration_words(found: CalibrationScore) -> str:
    """Whether the probabilities can be taken at their word."""
    noise = f"{number(found.plain_error, 2)} before correction, of which noise explains {number(found.noise, 2)}"
    return f"calibration error {number(found.error, 2)} ({noise}), Brier {number(found.brier, 3)}, of {found.about}"


def calibration_line(judgement: Judgement) -> str:
    """How far probabilities can be taken at their word, or that there are too few rows to say."""
    if judgement.calibration:
        return calibration_words(judgement.calibration)
    few = judgement.confusion is not None and judgement.rows < _FEWEST_CALIBRATED
    return f"calibration: not enough data ({_FEWEST_CALIBRATED} rows are needed)" if few else ""


def confusion_words(judgement: Judgement) -> str:
    """The confusion matrix in a line, for few classes."""
    found = judgement.confusion
    if found is None or len(found.classes) > _MOST_CONFUSED:
        return ""
    at = f" at threshold {number(found.threshold)}" if found.threshold is not None else ""
    rows = [
        f"true {name}: " + ", ".join(f"{cell(count)} {said}" for said, count in zip(found.classes, counts, strict=True))
        for name, counts in zip(found.classes, found.counts, strict=True)
    ]
    return f"predicted{at}: {'; '.join(rows)}"


def conditions_words(found: WorstSlice) -> str:
    return clipped(" and ".join(found.conditions), _SLICE)


def named_words(found: NamedSlice) -> tuple[str, str, str]:
    """A slice that was asked for: which, its metric, and its means."""
    part, _, score, truth, prediction = named_row(found)
    means = f"true {cell(truth)}, predicted {cell(prediction)}" if truth is not None else ""
    return clipped(str(part), _SLICE), f"{found.score.name} {score}", means


def judgement_findings(judgement: Judgement, baselines: str) -> list[str]:
    """What stands under the metrics: slices, confusion, calibration."""
    calibrated = judgement.calibration.bins[:BINS] if judgement.calibration else []
    bins = [(number(one.predicted, 3), number(one.observed, 3), one.rows) for one in calibrated]
    named = [(*named_words(one), one.rows) for one in judgement.named[:NAMED]]
    more = len(judgement.named) - NAMED
    return [
        searched_words(judgement),
        *[f"- {conditions_words(one)}: {worst_words(one, judgement.loss_name)}" for one in judgement.worst[:WORST]],
        *[
            f"- {part}: {counted(rows, 'row')}, {score}{', ' + means if means else ''}"
            for part, score, means, rows in named
        ],
        f"and {counted(more, 'more slice')} on the page" if more > 0 else "",
        *judgement.notes[:NOTES],
        baselines,
        confusion_words(judgement),
        calibration_line(judgement),
        coverage_words(judgement),
        *table(("said", "came true", "rows"), bins),
    ]


def worst_words(found: WorstSlice, loss_name: str) -> str:
    """A worst slice in a line."""
    gain = f"{loss_name} {interval(found.loss, found.low, found.high)} against {number(found.parent_loss)} around it"
    score = f"{found.score.name} {score_words(found.score)}" if found.score.value is not None else ""
    return ", ".join(part for part in (counted(found.rows, "row"), gain, score) if part)


def next_call(judgement: Judgement, *, model: str, dataset: str) -> str:
    if judgement.comparison or not judgement.worst:
        return f'explain_model(model="{model}")'
    return f'explain_model(model="{model}", dataset="{dataset}")'


def judgement_page(judgement: Judgement, verdict: str, plots: Sequence[str]) -> str:
    """The whole judgement in Markdown."""
    lines = ["# Evaluation", "", verdict, "", *[f"- {note}" for note in judgement.notes]]
    lines += ["", "## Metrics", ""]
    lines += markdown_table(
        ("metric", "value [95 %]"), [(score.name, score_words(score)) for score in judgement.scores]
    )
    if judgement.interval_coverage is not None:
        lines += ["", coverage_words(judgement)]
    lines += _calibration_lines(judgement.calibration)
    if judgement.confusion:
        found = judgement.confusion
        at = f" at the threshold {number(found.threshold)}" if found.threshold is not None else ""
        rows = [(name, *row) for name, row in zip(found.classes, found.counts, strict=True)]
        lines += ["", f"## Confusion{at}", "", *markdown_table(("true \\ predicted", *found.classes), rows)]
    lines += _slice_lines(judgement)
    lines += ["", "## Plots", "", *[f"- {name}" for name in plots]] if plots else []
    return "\n".join(lines) + "\n"


def coverage_words(judgement: Judgement) -> str:
    if judgement.interval_level is None or judgement.interval_coverage is None:
        return ""
    share = f"{judgement.interval_coverage:.1%}"
    return f"Prediction intervals made to hold {judgement.interval_level:.0%} of the rows hold {share}."


def _calibration_lines(found: CalibrationScore | None) -> list[str]:
    if found is None:
        return []
    rows = [(f"{number(b.low, 3)} to {number(b.high, 3)}", b.predicted, b.observed, b.rows) for b in found.bins]
    table = markdown_table(("probability", "mean", "came true", "rows"), rows)
    return ["", "## Calibration", "", calibration_words(found), "", *table]


def _slice_lines(judgement: Judgement) -> list[str]:
    lines = ["", "## Worst slices", "", searched_words(judgement), ""]
    lines += [
        f"- {' and '.join(one.conditions)}: {worst_words(one, judgement.loss_name)}, adjusted p {number(one.p, 2)}"
        for one in judgement.worst
    ]
    if judgement.named:
        lines += ["", "## Slices asked for", ""]
        lines += markdown_table(NAMED_HEADERS, [named_row(one) for one in judgement.named])
    return lines


def searched_words(judgement: Judgement) -> str:
    found = counted(len(judgement.worst), "is worse", "are worse") if judgement.worst else "none is worse"
    return f"{counted(judgement.searched, 'slice')} searched, {found} than the rows around them beyond chance."


NAMED_HEADERS = ("slice", "rows", "metric [95 %]", "mean truth", "mean prediction")


def named_row(found: NamedSlice) -> tuple[object, ...]:
    score = score_words(found.score) if found.score.low is not None else f"{number(found.score.value)} (few)"
    return found.part, found.rows, score, found.mean_truth, found.mean_prediction
