"""The policy of a workspace, a TOML file: what a model must show, what a person must allow, when it is retrained."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from mlsteward.gates.rules import Gates, Table

DEFAULT_POLICY = Path(__file__).with_name("default_policy.toml")


class ApprovalRules(Table):
    """What waits for a person: `promote` and `deploy` name aliases, or are true for all and false for none."""

    promote: bool | list[str] = ["champion"]
    deploy: bool | list[str] = False
    delete: bool = True
    expires_hours: Annotated[float, Field(gt=0, le=24 * 90)] = 72
    by: list[Literal["host", "terminal"]] = ["host", "terminal"]

    def wants(self, action: Literal["promote", "deploy", "delete"], alias: str = "") -> bool:
        """Whether a person must allow it."""
        rule = getattr(self, action)
        return rule if isinstance(rule, bool) else alias in rule


class RetrainRules(Table):
    """When models are retrained."""


class MonitorRules(Table):
    """How deployments are watched."""


class ModelRules(Table):
    """What the policy says of one model, over what it says of all."""

    gates: Gates = Gates()
    approval: ApprovalRules = ApprovalRules()
    retrain: RetrainRules = RetrainRules()
    monitor: MonitorRules = MonitorRules()


class Policy(ModelRules):
    """The whole file. `models` has the names of models and what is said of them, everything else filled in."""

    models: dict[str, ModelRules] = {}

    def of(self, model: str) -> ModelRules:
        """What holds for a model."""
        return self.models.get(model, self)


def read_policy(text: str) -> Policy:
    """The policy in a TOML text.

    Raises InvalidArgument with every mistake: its line, what is wrong and what was close.
    """
    raise NotImplementedError
