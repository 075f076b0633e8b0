"""The kinds of steps that a pipeline can have: which tool does each, and what it takes from the steps before it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Made = Literal["dataset", "model", "deployment"]


@dataclass(frozen=True)
class StepKind:
    """`takes` has arguments that, when not given, are what an earlier step made last; `makes` says what is new after
    it. `fixed` arguments cannot be given, those of `defaults` need not be. Without a tool the driver does it by
    itself, with the arguments it `takes`.

    The tool of an `asked_again` step is called once more when its run has ended: it says then how what it made does.

    A step that is `repeatable` gives the same for the same inputs, so that its last result can stand for it; others
    look at the world as it is, and run every time.
    """

    tool: str
    takes: Mapping[str, Made] = field(default_factory=dict[str, Made])
    makes: tuple[Made, ...] = ()
    fixed: Mapping[str, Any] = field(default_factory=dict[str, Any])
    defaults: Mapping[str, Any] = field(default_factory=dict[str, Any])
    repeatable: bool = False
    asked_again: bool = False


_REASON = {"reason": "a pipeline's step"}

KINDS: Mapping[str, StepKind] = {
    "register": StepKind("register_dataset", makes=("dataset",), repeatable=True),
    "transform": StepKind("transform_dataset", makes=("dataset",), repeatable=True),
    "check": StepKind("check_data", takes={"dataset": "dataset"}),
    "schema": StepKind("", takes={"model": "model", "dataset": "dataset"}),
    "drift": StepKind("check_drift", takes={"current": "dataset"}, repeatable=True),
    "train": StepKind("train_model", takes={"dataset": "dataset"}, makes=("model",), repeatable=True),
    "retrain": StepKind("retrain_model", makes=("model",)),
    "evaluate": StepKind("evaluate_model", takes={"model": "model", "dataset": "dataset"}, repeatable=True),
    "gate": StepKind("promote_model", takes={"model": "model"}, fixed={"dry_run": True}, defaults=_REASON),
    "promote": StepKind(
        "promote_model", takes={"model": "model"}, makes=("model",), fixed={"dry_run": False}, defaults=_REASON
    ),
    "deploy": StepKind("deploy_model", takes={"model": "model"}, makes=("deployment",), asked_again=True),
    "predict": StepKind(
        "predict_rows", takes={"model": "model", "dataset": "dataset"}, makes=("dataset",), repeatable=True
    ),
}
