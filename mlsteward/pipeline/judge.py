"""Whether what a step's run found is a yes, a no, or neither."""

from collections.abc import Mapping
from typing import Any

from mlsteward.pipeline.outcome import PipelineOutcome, StepState


def judge(do: str, run_state: str, result: Mapping[str, Any]) -> StepState:
    """The state of a step whose run has ended in `run_state` with `result`.

    A check that finds unhealthy data, data that drifted or is kept aside, and a gate that refuses are `failed`; a run
    that ended without a result is an `error`, unless a person said no.
    """
    if run_state == "waiting":
        return "waiting"
    if run_state == "cancelled" and do in ("gate", "promote", "deploy"):
        return "failed"
    if run_state != "completed":
        return "error"
    if do == "retrain":
        return PipelineOutcome.model_validate(result["outcome"]).state
    return "failed" if _says_no(do, result) else "passed"


def _says_no(do: str, result: Mapping[str, Any]) -> bool:
    if do == "check":
        return result.get("healthy") is False
    if do == "drift":
        return result.get("report", {}).get("verdict") == "drift"
    if do in ("gate", "promote"):
        return result.get("outcome") in ("refused", "stale")
    # Rows that break their contract are kept aside: what follows would work on the version before.
    return bool(result.get("judged", {}).get("held"))
