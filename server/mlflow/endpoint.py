"""How an endpoint of MLflow's REST API is declared: one function from a request to a message, in one transaction."""

import inspect
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from pydantic import ConfigDict, ValidationError

from mlsteward.errors import InvalidArgument, Refused
from mlsteward.record import Record
from mlsteward.runs.actor import Actor
from mlsteward.runs.policy import workspace_policy
from mlsteward.store.activity import add_activity
from mlsteward.store.transaction import Transaction
from mlsteward.workspace import Workspace


class Message(Record):
    """A message of MLflow's protocol, in the JSON of protocol buffers: NaN is a word, what is not set is left out."""

    model_config = ConfigDict(extra="ignore", ser_json_inf_nan="strings", protected_namespaces=())


@dataclass(frozen=True)
class Logging:
    """One request: the transaction that answers it, who asks, and the workspace as they may see it."""

    t: Transaction
    actor: Actor
    workspace: Workspace

    def check_deletion(self) -> None:
        """Raise Refused where the policy has a person allow what is deleted: MLflow's clients can ask nobody."""
        if workspace_policy(self.workspace.folder).approval.wants("delete"):
            raise Refused("The policy has a person allow what is deleted, and MLflow's API cannot ask one.")

    def remember(self, action: str, asset: str, *, run: int | None = None, why: str = "") -> None:
        """Leave a row in the audit log."""
        add_activity(
            self.t, actor=self.actor.name, client=self.actor.client, action=action, asset=asset, why=why, run=run
        )


class Answering(Protocol):
    def __call__(self, call: Logging, wanted: Any, /) -> Message: ...


@dataclass(frozen=True)
class Endpoint:
    """`path` stands below /api/2.0, {names} in it are fields of the request; `changes` needs the scope write, and what
    it `deletes` is gone."""

    method: str
    path: str
    function: Answering
    changes: bool = False
    deletes: bool = False

    @cached_property
    def request(self) -> type[Message]:
        parameters = list(inspect.signature(self.function, eval_str=True).parameters.values())
        return parameters[1].annotation

    def read(self, fields: Mapping[str, Any]) -> Message:
        """The request; InvalidArgument names the fields that cannot be read."""
        given = {name: value for name, value in fields.items() if value is not None}
        try:
            return self.request.model_validate(given)
        except ValidationError as error:
            problems = error.errors(include_url=False, include_input=False)
            raise InvalidArgument(
                "; ".join(f"{'.'.join(map(str, one['loc'])) or 'the request'}: {one['msg']}" for one in problems[:5])
            ) from error


def read_json(body: bytes) -> dict[str, Any]:
    """The object in a body, {} for an empty one."""
    if not body.strip():
        return {}
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidArgument("The body is no JSON.") from error
    if not isinstance(found, dict):
        raise InvalidArgument("The body is no JSON object.")
    return found  # pyright: ignore[reportUnknownVariableType] - any JSON object
