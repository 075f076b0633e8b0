"""The table `[retrain]` of the policy: what starts a retraining by itself, and what follows it."""

from typing import Annotated, Literal

from pydantic import Field

from mlsteward.gates.rules import Table

Trigger = Literal["schedule", "new_data", "drift", "loss"]


class RetrainRules(Table):
    """When models are retrained, beside on demand.

    `on` names what starts a retraining: "schedule" every `every_days` after the version was trained, "new_data" a newer
    version of its dataset with at least `fewest_new_rows` more, "drift" and "loss" an open alert of its deployment on
    its inputs or on its realised loss. For `rest_hours` after a retraining nothing starts another. `promote` asks for
    the promotion of a challenger that passes its gates; otherwise it stays the challenger.
    """

    on: list[Trigger] = []
    every_days: Annotated[float, Field(gt=0, le=366)] = 7
    fewest_new_rows: Annotated[int, Field(ge=0)] = 0
    rest_hours: Annotated[float, Field(ge=0, le=24 * 366)] = 24
    promote: bool = False
