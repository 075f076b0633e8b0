"""The table `[monitor]` of the policy: how deployments are watched unless `set_monitor` said otherwise."""

from typing import Annotated

from pydantic import AfterValidator, Field

from mlsteward.errors import InvalidArgument
from mlsteward.gates.rules import Table
from mlsteward.monitoring.budget import read_budget, read_every


def _every(text: str) -> str:
    try:
        read_every(text)
    except InvalidArgument as error:
        raise ValueError(error.said()) from error
    return text


def _budget(text: str) -> str:
    try:
        read_budget(text, read_every("1 hour"))
    except InvalidArgument as error:
        raise ValueError(error.said()) from error
    return text


class MonitorRules(Table):
    """`every` is how long a window lasts, `budget` the mean time between false alarms of a deployment.

    `tolerance` is by how much losses may exceed the upper bound of their reference, as a share of its mean.
    """

    every: Annotated[str, AfterValidator(_every)] = "1 day"
    budget: Annotated[str, AfterValidator(_budget)] = "one in 2 years"
    tolerance: Annotated[float, Field(ge=0, le=10)] = 0.05
