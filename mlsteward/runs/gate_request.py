"""From what was asked of `promote_model` to the work order of its gates."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlsteward.store.aliases import CHAMPION

if TYPE_CHECKING:
    from mlsteward.runs.actor import Actor
    from mlsteward.workspace import Workspace


@dataclass(frozen=True)
class Asked:
    """The arguments of the tool: `name` is what a model that has no name yet is to be called."""

    model: str
    reason: str
    alias: str = CHAMPION
    name: str = ""
    dry_run: bool = False


def start_gates(workspace: "Workspace", actor: "Actor", asked: Asked) -> int:
    """Start a run of kind `gate` and return its number: it judges the model, and promotes it where that may be.

    Raises InvalidArgument for a policy file with mistakes, NotFound for a model that there is not, and Refused where
    the caller may not.
    """
    raise NotImplementedError
