"""The policy of a workspace, a TOML file: what a model must show, what a person must allow, when it is retrained."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import Field, ValidationError, model_validator

from mlsteward.errors import InvalidArgument
from mlsteward.gates.policy_mistakes import told
from mlsteward.gates.rules import Alias, Gates, ModelName, Table
from mlsteward.monitoring.monitor_rules import MonitorRules
from mlsteward.pipeline.retrain_rules import RetrainRules
from mlsteward.pipeline.toml_tables import toml_tables

DEFAULT_POLICY = Path(__file__).with_name("default_policy.toml")
_MOST_TOLD = 12


class ApprovalRules(Table):
    """What waits for a person: `promote` and `deploy` name aliases, or are true for all and false for none."""

    promote: bool | list[Alias] = ["champion"]
    deploy: bool | list[Alias] = False
    delete: bool = False
    expires_hours: Annotated[float, Field(gt=0, le=24 * 90)] = 72
    by: list[Literal["host", "terminal"]] = ["host", "terminal"]

    @model_validator(mode="after")
    def _somebody(self) -> "ApprovalRules":
        if not self.by and (self.promote or self.deploy or self.delete):
            raise ValueError('`by` is empty, so nobody could approve: name "host", "terminal" or both')
        return self

    def wants(self, action: Literal["promote", "deploy", "delete"], alias: str = "") -> bool:
        """Whether a person must allow it."""
        rule: bool | list[str] = getattr(self, action)
        return rule if isinstance(rule, bool) else alias in rule


class ModelRules(Table):
    """What the policy says of one model, over what it says of all. `guarded` are the aliases that have gates."""

    guarded: bool | list[Alias] = ["champion"]
    gates: Gates = Gates()
    approval: ApprovalRules = ApprovalRules()
    retrain: RetrainRules = RetrainRules()
    monitor: MonitorRules = MonitorRules()

    def guards(self, alias: str) -> bool:
        """Whether a model must pass the gates before the alias may stand on it."""
        return self.guarded if isinstance(self.guarded, bool) else alias in self.guarded


class Policy(ModelRules):
    """The whole file. `models` has the names of models and what holds for them, what is said of all filled in."""

    models: dict[ModelName, ModelRules] = {}

    def of(self, model: str) -> ModelRules:
        """What holds for a model."""
        return self.models.get(model, self)


def read_policy(text: str) -> Policy:
    """The policy in a TOML text.

    Raises InvalidArgument with every mistake: its line, what is wrong and what was close.
    """
    said = toml_tables(text, "policy")
    try:
        Policy.model_validate(said)
        return Policy.model_validate(_filled(said))
    except ValidationError as error:
        mistakes = told(text, error, Policy)
    more = f"\n… and {len(mistakes) - _MOST_TOLD} more" if len(mistakes) > _MOST_TOLD else ""
    count = f"{len(mistakes)} mistakes" if len(mistakes) > 1 else "a mistake"
    raise InvalidArgument(f"The policy has {count}:\n" + "\n".join(mistakes[:_MOST_TOLD]) + more)


def _filled(said: Mapping[str, Any]) -> dict[str, Any]:
    """The file with what it says of all models under each that it names."""
    general = {key: value for key, value in said.items() if key != "models"}
    return {**general, "models": {name: _over(general, own) for name, own in said.get("models", {}).items()}}


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        both = isinstance(value, Mapping) and isinstance(under, Mapping)
        merged[key] = _over(cast(Mapping[str, Any], under), cast(Mapping[str, Any], value)) if both else value
    return merged
