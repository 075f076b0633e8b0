"""Which rows to label next: those a model is unsure of, those unlike what is labelled, or both.

All take the (n, p) matrix of the rows that may be chosen, in standardised units, and give positions in it, the most
wanted first. Only worker code imports this module.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Places = NDArray[np.int64]

# Of so many times the wanted rows, the most uncertain, those are chosen that are unlike one another.
PREFILTER = 10
# More rows are clustered in batches (Sculley 2010).
_MANY = 5_000


def class_uncertainty(scores: Floats) -> Floats:
    """(n,) from (n, k) probabilities: 1 less the margin between the likeliest two classes, in [0, 1].

    Margin sampling: Scheffer, Decomain & Wrobel (2001); Settles, Active learning literature survey (2009), 3.1.
    """
    if scores.shape[1] < 2:
        return np.zeros(len(scores))
    top = np.partition(scores, -2, axis=1)[:, -2:]
    return 1.0 - (top[:, 1] - top[:, 0])


def member_disagreement(predictions: Floats, weights: Floats) -> Floats:
    """(n,) weighted standard deviation of the (m, n) predictions of an ensemble's members, in units of the target.

    Query by committee for regression: Burbidge, Rowland & King (2007); Settles (2009), 3.2.
    """
    shares = (weights / weights.sum())[:, None]
    mean = (predictions * shares).sum(axis=0)
    return np.sqrt((shares * (predictions - mean) ** 2).sum(axis=0))


def choose_uncertain(uncertainty: Floats, n: int) -> Places:
    """The n most uncertain rows, the first of those alike first."""
    return np.argsort(-uncertainty, kind="stable")[:n].astype(np.int64)


def choose_at_random(rows: int, n: int, seed: int) -> Places:
    """n of `rows` rows, each as likely as the other."""
    return np.random.default_rng(seed).permutation(rows)[:n].astype(np.int64)


def choose_typical(matrix: Floats, n: int, labelled: Floats, seed: int) -> Places:
    """n rows, each the one nearest to the middle of a cluster without labels, the largest cluster first.

    As many k-means clusters as there are wanted and (at most as many again) labelled rows. From few labels more is
    learned by typical rows (Hacohen, Dekel & Weinshall, Active learning on a budget, ICML 2022) than by the outliers
    that the k-center of Sener & Savarese (ICLR 2018) begins with: benchmarks/labels_needed.py.
    """
    count = min(len(matrix), n + min(len(labelled), n))
    together = np.vstack([matrix, labelled])
    clusters = _cluster(together, count, seed)
    own, centres = clusters.labels_[: len(matrix)], clusters.cluster_centers_
    covered = set(np.unique(clusters.labels_[len(matrix) :]).tolist())
    sizes = np.bincount(own, minlength=len(centres))
    order = sorted(np.flatnonzero(sizes).tolist(), key=lambda one: (one in covered, -sizes[one], one))
    distances = _squared_to_own(matrix, centres, own)
    chosen = [_nearest(distances, np.flatnonzero(own == cluster)) for cluster in order[:n]]
    return _filled(np.asarray(chosen, dtype=np.int64), len(matrix), n, seed)


def choose_diverse_uncertain(matrix: Floats, uncertainty: Floats, n: int, seed: int) -> Places:
    """n uncertain rows that are unlike one another: one for each cluster of the uncertain, nearest to its middle.

    Of `PREFILTER` n most uncertain rows n clusters are made by k-means weighted with the uncertainty (Zhdanov, Diverse
    mini-batch active learning, 2019).
    """
    likely = choose_uncertain(uncertainty, min(PREFILTER * n, len(matrix)))
    if len(likely) <= n:
        return likely
    weights = np.maximum(uncertainty[likely], 1e-6)
    clusters = _cluster(matrix[likely], n, seed, weights)
    distances = _squared_to_own(matrix[likely], clusters.cluster_centers_, clusters.labels_)
    places = [_nearest(distances, np.flatnonzero(clusters.labels_ == one)) for one in np.unique(clusters.labels_)]
    chosen = likely[np.asarray(places, dtype=np.int64)]
    rest = likely[~np.isin(likely, chosen)][: n - len(chosen)]
    chosen = np.concatenate([chosen, rest])
    return chosen[np.argsort(-uncertainty[chosen], kind="stable")]


def _cluster(matrix: Floats, count: int, seed: int, weights: Floats | None = None) -> Any:
    import warnings

    from sklearn.cluster import KMeans, MiniBatchKMeans
    from sklearn.exceptions import ConvergenceWarning

    many = len(matrix) > _MANY
    kind: Any = MiniBatchKMeans if many else KMeans
    with warnings.catch_warnings():
        # Rows alike make fewer clusters than were asked for; the rest is filled up.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return kind(count, n_init=1, random_state=seed).fit(matrix, sample_weight=weights)


def _nearest(distances: Floats, members: NDArray[Any]) -> int:
    return int(members[distances[members].argmin()])


def _squared_to_own(matrix: Floats, centres: Floats, own: NDArray[Any]) -> Floats:
    return ((matrix - centres[own]) ** 2).sum(axis=1)


def _filled(chosen: Places, rows: int, n: int, seed: int) -> Places:
    """`chosen`, and other rows at random where clusters were too few."""
    if len(chosen) >= min(n, rows):
        return chosen
    order = choose_at_random(rows, rows, seed)
    return np.concatenate([chosen, order[~np.isin(order, chosen)][: n - len(chosen)]])
