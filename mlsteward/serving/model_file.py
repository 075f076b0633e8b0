"""Model files: skops, with an allow-list of types and a registered SHA-256. Only worker code opens one.

skops trusts most of scikit-learn by itself. Fitted trees are arrays that scikit-learn indexes without bounds checks,
so a forged file could crash the process: they are allowed here because a file is opened only when its bytes are the
ones that were registered.
"""

import hashlib
from pathlib import Path
from zipfile import BadZipFile

from mlsteward.errors import NotFound, Refused
from mlsteward.training.bundle import ModelBundle

TRUSTED = [
    "catboost.core.CatBoostClassifier",
    "catboost.core.CatBoostRegressor",
    "collections.OrderedDict",
    "lightgbm.basic.Booster",
    "lightgbm.sklearn.LGBMClassifier",
    "lightgbm.sklearn.LGBMRegressor",
    "mlsteward.training.bundle.Member",
    "mlsteward.training.bundle.ModelBundle",
    "mlsteward.training.encoder.TableEncoder",
    "mlsteward.training.scaled_target.ScaledMLPRegressor",
    "mlsteward.training.scaled_target.ScaledSVR",
    "mlsteward.training.svm.ProbabilitySVC",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.metrics._dist_metrics.ManhattanDistance64",
    "sklearn.neighbors._ball_tree.BallTree",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    "sklearn.tree._tree.Tree",
]


def save_bundle(bundle: ModelBundle, path: Path) -> str:
    """Write `bundle` to `path` in one rename; returns the SHA-256 of the file."""
    from skops.io import dumps

    data = dumps(bundle)
    partial = path.with_name(f"{path.name}.part")
    partial.write_bytes(data)
    partial.replace(path)
    return hashlib.sha256(data).hexdigest()


def load_bundle(path: Path, sha256: str) -> ModelBundle:
    """The model in the file at `path`, whose bytes must be the registered ones.

    Raises NotFound when the file is gone and Refused when its bytes are others or it holds a type outside the list.
    """
    if not path.is_file():
        raise NotFound(f"The model file {path.name} is gone.", next="list_models()")
    data = path.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise Refused(
            f"The model file {path.name} is not the registered one: SHA-256 {found[:12]}…, not {sha256[:12]}…."
        )
    # Imported for a file that is ours: to refuse another takes no library.
    from skops.io import get_untrusted_types, loads
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        bundle = loads(data, trusted=TRUSTED)
    except UntrustedTypesFoundException as error:
        strange = sorted(set(get_untrusted_types(data=data)) - set(TRUSTED))
        raise Refused(f"The model file {path.name} holds types that are not allowed: {', '.join(strange)}.") from error
    except (BadZipFile, KeyError, ValueError) as error:
        raise Refused(f"The model file {path.name} is no skops file.") from error
    if not isinstance(bundle, ModelBundle):
        raise Refused(f"The model file {path.name} holds a {type(bundle).__name__}, not a model of this platform.")
    return bundle
