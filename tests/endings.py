"""Ending the endpoints that a test has left: they outlive everybody else."""

import time
from pathlib import Path

from mlsteward.runs.alive import lock_is_free
from mlsteward.runs.supervision import read_supervision, tell_to_end
from mlsteward.serving.endpoint.desired import DEPLOYMENTS, EndpointFolder


def end_endpoints(workspace: Path) -> None:
    """End whatever endpoint still runs in a workspace."""
    for path in (workspace / DEPLOYMENTS).glob("*/desired.json"):
        folder = EndpointFolder(path.parent)
        known = read_supervision(folder)
        path.unlink()
        while not lock_is_free(folder.alive):
            known = tell_to_end(folder, known)
            time.sleep(0.02)
