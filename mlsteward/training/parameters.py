"""Parameters of an estimator, checked before any row is read."""

import inspect
from collections.abc import Mapping
from typing import Any

from sklearn.utils._param_validation import InvalidParameterError, validate_parameter_constraints

from mlsteward.errors import InvalidArgument
from mlsteward.names import close_names
from mlsteward.training.estimators import estimator_class
from mlsteward.training.signature import Task


def check_parameters(name: str, task: Task, params: Mapping[str, Any]) -> dict[str, Any]:
    """`params` as the estimator called `name` takes them.

    Names are its constructor's and values obey scikit-learn's own constraints; 10.0 passes for 10 where a whole
    number is wanted. Raises InvalidArgument with what was close or what is allowed.
    """
    factory = estimator_class(name, task)
    known = [parameter for parameter in inspect.signature(factory).parameters if parameter != "self"]
    constraints: dict[str, Any] = getattr(factory, "_parameter_constraints", {})
    return {key: _checked(name, key, value, known, constraints) for key, value in params.items()}


def _checked(name: str, key: str, value: Any, known: list[str], constraints: Mapping[str, Any]) -> Any:
    if key not in known:
        raise InvalidArgument(
            f"{name} has no parameter {key!r}; it has {', '.join(known)}.", close=close_names(key, known)
        )
    whole = isinstance(value, float) and value.is_integer()
    for candidate in [value, int(value)] if whole else [value]:
        words = _violation(name, key, candidate, constraints)
        if not words:
            return candidate
    raise InvalidArgument(_violation(name, key, value, constraints))


def _violation(name: str, key: str, value: Any, constraints: Mapping[str, Any]) -> str:
    try:
        validate_parameter_constraints(constraints, {key: value}, name)
    except InvalidParameterError as error:
        return str(error).replace("The '", "The parameter '").replace("' parameter of ", "' of ")
    return ""
