"""How far two people agree on labels: Cohen's kappa of classes, Lin's concordance of numbers."""

import numpy as np
import pytest

from mlsteward.labels.agreement import agree_on_classes, agree_on_numbers


def test_kappa_is_what_the_textbook_says() -> None:
    # Cohen (1960) has no worked table of two classes; this is that of Landis & Koch's notation with 20/5/10/15.
    pairs = [("a", "a")] * 20 + [("a", "b")] * 5 + [("b", "a")] * 10 + [("b", "b")] * 15
    found = agree_on_classes("ann", "bob", pairs)
    assert found.coefficient == pytest.approx(0.4)
    assert found.low is not None and found.high is not None and found.low < 0.4 < found.high


def test_kappa_has_no_value_for_one_class_and_none_is_given_of_few_rows() -> None:
    one_class = agree_on_classes("ann", "bob", [("a", "a")] * 12)
    assert one_class.coefficient is None and "κ has no value" in one_class.words
    few = agree_on_classes("ann", "bob", [("a", "a"), ("b", "b")])
    assert few.coefficient is None and "not enough shared rows" in few.words


def test_where_all_agree_kappa_keeps_an_interval() -> None:
    found = agree_on_classes("ann", "bob", [("a", "a")] * 6 + [("b", "b")] * 6)
    assert found.coefficient == 1 and found.low is not None and 0.4 < found.low < 0.6


def test_kappas_interval_holds_the_truth_as_often_as_it_says() -> None:
    generator = np.random.default_rng(7)
    held = 0
    for _ in range(400):
        truth = generator.random(60) < 0.4
        ann, bob = (np.where(generator.random(60) < 0.85, truth, ~truth) for _ in range(2))
        found = agree_on_classes("ann", "bob", [(str(a), str(b)) for a, b in zip(ann, bob, strict=True)])
        assert found.low is not None and found.high is not None
        # Observed agreement .745; each says yes for .43 of the rows, so chance gives .5098.
        held += found.low <= (0.745 - 0.5098) / (1 - 0.5098) <= found.high
    assert 0.92 <= held / 400 <= 0.99


def test_concordance_is_lins() -> None:
    pairs = [(float(i), float(i) + (i % 3)) for i in range(30)]
    one, other = np.array(pairs).T
    expected = 2 * np.cov(one, other, bias=True)[0, 1] / (one.var() + other.var() + (one.mean() - other.mean()) ** 2)
    found = agree_on_numbers("ann", "bob", pairs)
    assert found.coefficient == pytest.approx(expected)
    assert found.low is not None and found.high is not None and found.low < expected < found.high
    assert agree_on_numbers("ann", "bob", [(1.0, float(i)) for i in range(12)]).coefficient is None
