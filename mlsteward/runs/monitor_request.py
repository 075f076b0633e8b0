"""Looking at a deployment: the run of kind `monitor` that `check_deployment`, schedules and the terminal start."""

from mlsteward.runs.actor import Actor
from mlsteward.workspace import Workspace


def start_monitor(workspace: Workspace, actor: Actor, deployment: str, *, since: str = "", until: str = "") -> int:
    """Start a run of kind `monitor` on a deployment; its number.

    `since` and `until` are written as for `check_drift` (`2024-05-01`, `7 days`); without them it looks at the last
    seven days against all before, and the detectors always at everything. Raises NotFound for an unknown deployment
    and InvalidArgument for what is no time.
    """
    raise NotImplementedError(workspace, actor, deployment, since, until)
