"""Whole blocks change sides."""

from itertools import combinations

import numpy as np
import pytest

from mlsteward.drift import blocks

random = np.random.default_rng(21)
IS_CURRENT = np.arange(12) >= 8


def test_every_shuffling_has_as_many_current_blocks() -> None:
    shuffles = blocks.shuffle_blocks(IS_CURRENT, seed=1, permutations=50)
    assert shuffles.chosen.shape == (50, 4)
    assert all(len(set(row)) == 4 for row in shuffles.chosen.tolist())
    assert shuffles.current_is_chosen
    assert not blocks.shuffle_blocks(~IS_CURRENT, seed=1, permutations=2).current_is_chosen


@pytest.mark.parametrize("is_current", [IS_CURRENT, ~IS_CURRENT])
def test_the_p_is_that_of_a_permutation_test(is_current: np.ndarray) -> None:
    means = random.normal(size=12) + 1.2 * is_current
    counts = np.stack([np.exp(means), np.ones(12)], axis=1)
    shuffles = blocks.shuffle_blocks(is_current, seed=3)

    def gap(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return np.abs(second[:, 0] / second[:, 1] - first[:, 0] / first[:, 1])

    values = np.exp(means)
    dealt = [np.isin(np.arange(12), chosen) for chosen in combinations(range(12), int(is_current.sum()))]
    gaps = np.asarray([abs(values[side].mean() - values[~side].mean()) for side in dealt])
    expected = np.mean(gaps >= abs(values[is_current].mean() - values[~is_current].mean()) - 1e-12)
    assert blocks.permutation_p(counts, is_current, shuffles, gap) == pytest.approx(expected, abs=0.012)


def test_the_same_seed_shuffles_alike() -> None:
    first, second = (blocks.shuffle_blocks(IS_CURRENT, seed=5, permutations=9).chosen for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_windows_are_as_long_as_the_current_sample() -> None:
    assert blocks.window_edges(28, 7) == [(0, 7), (7, 14), (14, 21), (21, 28)]
    assert blocks.window_edges(10, 8) == [(0, 5), (5, 10)]
    assert blocks.window_edges(1, 3) == []
    many = blocks.window_edges(1000, 1)
    assert len(many) == 20 and all(high - low == 1 for low, high in many)


def test_gaps_of_equal_samples_are_zero() -> None:
    counts = random.integers(1, 20, (3, 6)).astype(float)
    for statistic in (blocks.rank_gap, blocks.chi_squared_gap, blocks.share_gap):
        np.testing.assert_allclose(statistic(counts[:1], counts[:1]), 0, atol=1e-12)


@pytest.mark.parametrize("statistic", [blocks.rank_gap, blocks.chi_squared_gap, blocks.share_gap])
def test_one_arrangement_of_counts_has_the_same_statistic_alone_and_among_others(statistic: blocks.Statistic) -> None:
    total = random.integers(20, 40, 2).astype(float)
    current = random.integers(1, 20, (30, 2)).astype(float)
    together = statistic(total - current, current)
    alone = [statistic(total - row, row)[0] for row in current[:, None, :]]
    np.testing.assert_allclose(together, alone)
