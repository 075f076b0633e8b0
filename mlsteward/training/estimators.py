"""The estimators that can be asked for by name: how each is made, what it reads, what of it is searched.

An estimator is a line here; its parameters and their bounds are its library's own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from mlsteward.errors import InvalidArgument, NotSupported
from mlsteward.names import close_names
from mlsteward.training.encoder import Style
from mlsteward.training.signature import Task

Draw = tuple[Any, ...]


@dataclass(frozen=True)
class Estimator:
    """A family of models.

    `classifier` and `regressor` are `module:Class`, "" where there is none. `style` is how columns are encoded for it.
    `defaults` are ours where the library's are not the best for tables, `space` is searched by `tune`: for each
    parameter ("log", low, high), ("uniform", low, high), ("integer", low, high) or ("choice", …). `extra` is the
    optional dependency that brings it.
    """

    classifier: str
    regressor: str
    style: Style
    defaults: Mapping[str, Any] = field(default_factory=dict[str, Any])
    space: Mapping[str, Draw] = field(default_factory=dict[str, Draw])
    seeded: bool = True
    extra: str = ""


_FOREST: dict[str, Draw] = {
    "n_estimators": ("integer", 100, 400),
    "min_samples_leaf": ("choice", 1, 2, 3, 5, 10, 20),
    "max_features": ("choice", "sqrt", 0.3, 0.5, 0.8, 1.0),
}
_BOOSTING: dict[str, Draw] = {
    "learning_rate": ("log", 0.02, 0.3),
    "max_iter": ("integer", 50, 400),
    "max_leaf_nodes": ("choice", 4, 8, 15, 31, 63),
    "min_samples_leaf": ("choice", 5, 10, 20, 50),
    "l2_regularization": ("log", 1e-3, 10.0),
    "max_features": ("choice", 0.5, 0.8, 1.0),
}
ESTIMATORS: dict[str, Estimator] = {
    "dummy": Estimator("sklearn.dummy:DummyClassifier", "sklearn.dummy:DummyRegressor", "tree"),
    "logistic_regression": Estimator(
        "sklearn.linear_model:LogisticRegression", "", "linear", {"max_iter": 1000}, {"C": ("log", 1e-3, 100.0)}
    ),
    "ridge": Estimator("", "sklearn.linear_model:Ridge", "linear", {}, {"alpha": ("log", 1e-3, 1e4)}),
    "linear_regression": Estimator("", "sklearn.linear_model:LinearRegression", "linear", seeded=False),
    "lasso": Estimator("", "sklearn.linear_model:Lasso", "linear", {}, {"alpha": ("log", 1e-4, 10.0)}),
    "elastic_net": Estimator(
        "",
        "sklearn.linear_model:ElasticNet",
        "linear",
        {},
        {"alpha": ("log", 1e-4, 10.0), "l1_ratio": ("uniform", 0.05, 1.0)},
    ),
    "random_forest": Estimator(
        "sklearn.ensemble:RandomForestClassifier",
        "sklearn.ensemble:RandomForestRegressor",
        "tree",
        {},
        _FOREST,
    ),
    "extra_trees": Estimator(
        "sklearn.ensemble:ExtraTreesClassifier", "sklearn.ensemble:ExtraTreesRegressor", "tree", {}, _FOREST
    ),
    "hist_gradient_boosting": Estimator(
        "sklearn.ensemble:HistGradientBoostingClassifier",
        "sklearn.ensemble:HistGradientBoostingRegressor",
        "tree",
        {},
        _BOOSTING,
    ),
    "decision_tree": Estimator(
        "sklearn.tree:DecisionTreeClassifier",
        "sklearn.tree:DecisionTreeRegressor",
        "tree",
        {},
        {"max_depth": ("integer", 2, 16), "min_samples_leaf": ("choice", 1, 5, 10, 20, 50)},
    ),
    "svm": Estimator(
        "mlsteward.training.svm:ProbabilitySVC",
        "mlsteward.training.scaled_target:ScaledSVR",
        "scaled",
        {},
        {"C": ("log", 0.05, 100.0), "gamma": ("log", 1e-4, 1.0)},
        seeded=False,
    ),
    "knn": Estimator(
        "sklearn.neighbors:KNeighborsClassifier",
        "sklearn.neighbors:KNeighborsRegressor",
        "scaled",
        {"n_neighbors": 10, "weights": "distance"},
        {"n_neighbors": ("integer", 1, 50), "weights": ("choice", "uniform", "distance")},
        seeded=False,
    ),
    "naive_bayes": Estimator(
        "sklearn.naive_bayes:GaussianNB",
        "",
        "scaled",
        {},
        {"var_smoothing": ("log", 1e-9, 1.0)},
        seeded=False,
    ),
    "mlp": Estimator(
        "sklearn.neural_network:MLPClassifier",
        "mlsteward.training.scaled_target:ScaledMLPRegressor",
        "scaled",
        {"hidden_layer_sizes": [64], "alpha": 0.01, "max_iter": 100, "learning_rate_init": 0.003},
        {
            "alpha": ("log", 1e-4, 3.0),
            "learning_rate_init": ("log", 5e-4, 0.01),
            "max_iter": ("integer", 40, 200),
        },
    ),
    "lightgbm": Estimator(
        "lightgbm:LGBMClassifier",
        "lightgbm:LGBMRegressor",
        "tree",
        {"verbosity": -1, "n_jobs": 1, "deterministic": True, "force_row_wise": True},
        {
            "learning_rate": ("log", 0.02, 0.3),
            "n_estimators": ("integer", 50, 400),
            "num_leaves": ("integer", 4, 63),
            "min_child_samples": ("choice", 5, 10, 20, 50),
        },
        extra="lightgbm",
    ),
    "catboost": Estimator(
        "catboost:CatBoostClassifier",
        "catboost:CatBoostRegressor",
        "tree",
        {"verbose": False, "thread_count": 1, "allow_writing_files": False},
        {
            "learning_rate": ("log", 0.02, 0.3),
            "iterations": ("integer", 50, 400),
            "depth": ("integer", 3, 8),
            "l2_leaf_reg": ("log", 0.5, 20.0),
        },
        extra="catboost",
    ),
}
_SYNONYMS = {
    "logistic": "logistic_regression",
    "gradient_boosting": "hist_gradient_boosting",
    "histgradientboosting": "hist_gradient_boosting",
    "boosting": "hist_gradient_boosting",
    "xgboost": "hist_gradient_boosting",
    "lgbm": "lightgbm",
    "svc": "svm",
    "svr": "svm",
    "neural_network": "mlp",
    "k_nearest_neighbors": "knn",
    "nearest_neighbors": "knn",
    "linear": "ridge",
}


def find_estimator(name: str, task: Task) -> Estimator:
    """The estimator called `name` for the task; InvalidArgument with what was close, NotSupported without its extra."""
    wanted = name.strip().lower().replace("-", "_").replace(" ", "_")
    estimator = ESTIMATORS.get(wanted)
    if estimator is None:
        near = close_names(wanted, ["auto", *ESTIMATORS])
        close = [_SYNONYMS[wanted], *near] if wanted in _SYNONYMS else near
        raise InvalidArgument(f"estimator={name!r} is none of auto, {', '.join(ESTIMATORS)}.", close=close)
    if not _class_path(estimator, task):
        others = [other for other, one in ESTIMATORS.items() if _class_path(one, task) and one.style == estimator.style]
        kind = "numbers" if task == "regression" else "classes"
        raise InvalidArgument(f"{wanted} does not predict {kind} (the task is {task}).", close=others[1:4])
    return estimator


def _class_path(estimator: Estimator, task: Task) -> str:
    return estimator.regressor if task == "regression" else estimator.classifier


def estimator_class(name: str, task: Task) -> Callable[..., Any]:
    """The class behind a name."""
    estimator = find_estimator(name, task)
    module, _, attribute = _class_path(estimator, task).partition(":")
    try:
        return getattr(import_module(module), attribute)
    except ImportError as error:
        raise NotSupported(
            f"{name} is an optional extra that is not installed: pip install 'mlsteward[{estimator.extra}]'. "
            "hist_gradient_boosting needs no extra."
        ) from error


def make_estimator(name: str, task: Task, params: Mapping[str, Any], seed: int) -> Any:
    """An unfitted estimator with our defaults, then `params`, then the seed."""
    estimator = find_estimator(name, task)
    settings = {**estimator.defaults, **params}
    if estimator.seeded and not (name == "dummy" and task == "regression"):
        settings.setdefault("random_state", seed)
    return estimator_class(name, task)(**settings)
