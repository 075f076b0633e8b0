"""Which segment moved, and does it hurt."""

import numpy as np
import pytest

from mlsteward.monitoring.fit_plan import rows_of
from mlsteward.monitoring.plan import ProfilePlan
from mlsteward.monitoring.profiling import layout_of
from mlsteward.monitoring.segment_change import compare_segments
from mlsteward.monitoring.segments import segment_names
from mlsteward.monitoring.window_profile import Floats, parts_of
from tests.monitored import monitored, plan_for, profile_rows


@pytest.fixture(scope="module")
def plan() -> ProfilePlan:
    return plan_for("binary")


@pytest.fixture(scope="module")
def then(plan: ProfilePlan) -> Floats:
    return profile_rows(plan, monitored("binary", 2000, 2)).totals[None, :]


def test_a_segment_that_broke_is_found_and_what_it_did_is_said(plan: ProfilePlan, then: Floats) -> None:
    now = profile_rows(plan, monitored("binary", 3000, 7, broken=0.8)).totals[None, :]
    found = compare_segments(plan, then, now, by_row=True)
    assert found is not None and found.basis == "realised"
    assert found.worst[0].segment == "origin = JFK" and not found.worst[0].moved
    change = (found.loss_now or 0) - (found.loss_then or 0)
    assert found.worst[0].rate == pytest.approx(change, rel=0.4), "it brings most of the change"
    assert "origin = JFK became worse" in found.words


def test_a_segment_that_grew_without_harm_is_said_to_do_none(plan: ProfilePlan, then: Floats) -> None:
    now = profile_rows(plan, monitored("binary", 3000, 8, jfk=0.6)).totals[None, :]
    found = compare_segments(plan, then, now, by_row=True)
    assert found is not None and not found.worst
    assert {one.columns[0] for one in found.moved} == {"origin"}
    grown = next((one for one in found.moved if one.segment == "origin = JFK"), found.moved[0])
    assert abs(grown.mix) < 0.02


def test_without_outcomes_segments_are_compared_by_estimates(plan: ProfilePlan, then: Floats) -> None:
    rows = monitored("binary", 3000, 9, jfk=0.6)
    hidden = rows_of(rows.frame, rows.predictions, rows.truth, np.zeros(len(rows), dtype=np.bool_))
    found = compare_segments(plan, then, profile_rows(plan, hidden).totals[None, :], by_row=True)
    assert found is not None and found.basis == "estimated" and found.moved


def test_stable_rows_are_rarely_called_worse_or_moved(plan: ProfilePlan, then: Floats) -> None:
    told = 0
    for seed in range(40):
        now = profile_rows(plan, monitored("binary", 1000, 300 + seed)).totals[None, :]
        found = compare_segments(plan, then, now, by_row=True)
        told += found is not None and bool(found.worst or found.moved)
    assert told <= 2


def test_what_shares_and_losses_did_sums_up_to_the_change_of_the_whole(plan: ProfilePlan, then: Floats) -> None:
    now = profile_rows(plan, monitored("binary", 3000, 10, broken=0.5, jfk=0.5)).totals[None, :]
    layout = layout_of(plan)
    kept = [parts_of(layout, side, "segments")[0] for side in (then, now)]
    losses = [side[:, 4] / np.maximum(side[:, 3], 1) for side in kept]
    totals = [parts_of(layout, side, "measured")[0] for side in (then, now)]
    whole = [side[1] / side[0] for side in totals]
    chosen = [
        place for place, (columns, _) in enumerate(segment_names(plan.segments, plan.pairs)) if columns == ["origin"]
    ]
    shares = [side[chosen, 0] / side[chosen, 0].sum() for side in kept]
    mix = (shares[1] - shares[0]) * (losses[0][chosen] - whole[0])
    rate = shares[1] * (losses[1][chosen] - losses[0][chosen])
    assert float(mix.sum() + rate.sum()) == pytest.approx(whole[1] - whole[0], abs=1e-9)
    found = compare_segments(plan, then, now, by_row=True)
    assert found is not None
    worst = found.worst[0]
    words = [words for columns, words in segment_names(plan.segments, plan.pairs) if columns == ["origin"]]
    assert worst.rate == pytest.approx(float(rate[words.index(worst.segment)]), rel=0.05)
