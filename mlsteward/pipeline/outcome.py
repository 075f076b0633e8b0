"""What became of a pipeline and of each of its steps."""

from typing import Any, Literal, get_args

from mlsteward.answer import counted
from mlsteward.record import Record

# `failed` is a no: unhealthy data, a gate that refuses. `error` is a step that could not do its work.
StepState = Literal["passed", "failed", "error", "waiting", "skipped"]
STEP_STATES: tuple[StepState, ...] = get_args(StepState)
MARKS: dict[str, str] = {"passed": "✅", "failed": "❌", "error": "💥", "waiting": "⏳", "skipped": "⏭️"}


class StepOutcome(Record):
    """One step. `words` say what came of it, `findings` in more lines; `made` is what later steps can refer to.

    `tolerated` says that the pipeline does not count it as a failure. `reused` is the run whose result stands for it.
    """

    id: str
    do: str
    state: StepState
    words: str
    findings: list[str] = []
    run: int | None = None
    reused: bool = False
    tolerated: bool = False
    seconds: float = 0.0
    made: dict[str, Any] = {}

    @property
    def stands(self) -> bool:
        """Whether the steps behind it can build on it."""
        return self.state == "passed"

    @property
    def told(self) -> str:
        """Its state as people read it."""
        if self.state == "passed":
            return "reused" if self.reused else "passed"
        return f"{self.state}, ignored" if self.tolerated else self.state


class PipelineOutcome(Record):
    """A whole pipeline, as far as it came."""

    name: str
    steps: list[StepOutcome]

    @property
    def state(self) -> StepState:
        """The worst of its steps: error, then failed, then waiting."""
        return self.decisive.state if self.decisive else "passed"

    @property
    def exit_code(self) -> int:
        """0: all is well, 1: a check or gate said no, 3: a person is waited for, 4: a step could not do its work."""
        return {"failed": 1, "waiting": 3, "error": 4}.get(self.state, 0)

    @property
    def decisive(self) -> StepOutcome | None:
        """The step that makes the pipeline what it is; None where all is well."""
        counting = [step for step in self.steps if not step.tolerated]
        bad = [step for state in ("error", "failed", "waiting") for step in counting if step.state == state]
        return bad[0] if bad else None

    def verdict(self) -> str:
        done = sum(step.stands for step in self.steps)
        reused = sum(step.reused for step in self.steps)
        some = f", {reused} reused" if reused else ""
        decisive = self.decisive
        if decisive is None:
            return f"{self.name} passed: {counted(done, 'step')}{some}."
        how = {"failed": "failed at", "error": "broke at"}.get(self.state, "waits for a person at")
        before = f" ({done} of {len(self.steps)} passed{some})"
        return f"{self.name} {how} the step `{decisive.id}`{before}: {decisive.words}"
