"""What a pipeline's outcome says: its exit code, JUnit and the summary."""

from xml.etree import ElementTree

import pytest

from mlsteward.pipeline.judge import judge
from mlsteward.pipeline.junit import junit_xml
from mlsteward.pipeline.outcome import PipelineOutcome, StepOutcome, StepState
from mlsteward.pipeline.summary import markdown_summary


def step(name: str, state: StepState, words: str = "", **fields: object) -> StepOutcome:
    return StepOutcome.model_validate({"id": name, "do": "check", "state": state, "words": words, **fields})


def of(*steps: StepOutcome) -> PipelineOutcome:
    return PipelineOutcome(name="nightly", steps=list(steps))


@pytest.mark.parametrize(
    ("states", "state", "code"),
    [
        (["passed", "passed"], "passed", 0),
        (["passed", "failed", "skipped"], "failed", 1),
        (["passed", "waiting", "skipped"], "waiting", 3),
        (["failed", "error", "skipped"], "error", 4),
        (["failed", "waiting"], "failed", 1),
    ],
)
def test_the_exit_code_is_that_of_the_worst_step(states: list[StepState], state: str, code: int) -> None:
    outcome = of(*(step(f"s{place}", one) for place, one in enumerate(states)))
    assert (outcome.state, outcome.exit_code) == (state, code)


def test_a_step_that_is_ignored_does_not_count() -> None:
    outcome = of(step("drift", "failed", tolerated=True), step("train", "passed"))
    assert outcome.exit_code == 0
    assert outcome.verdict() == "nightly passed: 1 step."


def test_the_verdict_names_the_decisive_step_and_its_words() -> None:
    outcome = of(
        step("train", "passed", reused=True), step("gate", "failed", "worst slice refuses"), step("x", "skipped")
    )
    assert outcome.verdict() == "nightly failed at the step `gate` (1 of 3 passed, 1 reused): worst slice refuses"


def test_junit_tells_a_no_from_a_broken_step_and_from_what_was_not_reached() -> None:
    outcome = of(
        step("check", "passed", "healthy", run=3, seconds=1.5),
        step("drift", "failed", "drifted", tolerated=True),
        step("gate", "failed", "<no> & \x00never", findings=["worst slice: 3 \ud800"]),
        step("late", "error", "killed"),
        step("deploy", "waiting", "asks"),
        step("predict", "skipped", "not reached"),
    )
    suite = ElementTree.fromstring(junit_xml(outcome))[0]
    assert {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped", "time")} == {
        "tests": "6",
        "failures": "1",
        "errors": "1",
        "skipped": "2",
        "time": "1.500",
    }
    found = {case.get("name"): [child.tag for child in case] for case in suite}
    assert found == {
        "check": ["system-out"],
        "drift": ["system-out"],
        "gate": ["failure"],
        "late": ["error"],
        "deploy": ["skipped"],
        "predict": ["skipped"],
    }
    failure = suite[2][0]
    assert failure.get("message") == "<no> & \ufffdnever"
    assert failure.text == "worst slice: 3 \ufffd"


def test_the_summary_opens_what_went_wrong_and_lets_no_markup_through() -> None:
    text = markdown_summary(
        of(step("check", "passed", "fine", findings=["<script>"]), step("gate", "failed", "no [link](http://x) | y"))
    )
    assert text.startswith("## ❌ nightly\n\nnightly failed at the step 'gate'")
    assert "| ✅ | `check` | passed |" in text
    assert "<details open><summary><code>gate</code>: failed</summary>" in text
    assert "<details><summary><code>check</code>" in text
    assert "&lt;script&gt;" in text
    assert "no \\[link](http://x) \\| y" in text


@pytest.mark.parametrize(
    ("do", "run_state", "result", "state"),
    [
        ("check", "completed", {"healthy": False}, "failed"),
        ("check", "completed", {"healthy": True}, "passed"),
        ("register", "completed", {"judged": {"held": "breaks the contract"}}, "failed"),
        ("transform", "completed", {"judged": {"held": ""}}, "passed"),
        ("drift", "completed", {"report": {"verdict": "drift"}}, "failed"),
        ("gate", "completed", {"outcome": "refused"}, "failed"),
        ("promote", "completed", {"outcome": "promoted"}, "passed"),
        ("promote", "waiting", {"outcome": "waiting"}, "waiting"),
        ("promote", "cancelled", {}, "failed"),
        ("train", "cancelled", {}, "error"),
        ("train", "lost", {}, "error"),
        ("evaluate", "completed", {}, "passed"),
        ("retrain", "completed", {"outcome": of(step("gates", "failed")).model_dump()}, "failed"),
    ],
)
def test_what_a_run_found_is_a_yes_a_no_or_neither(
    do: str, run_state: str, result: dict[str, object], state: StepState
) -> None:
    assert judge(do, run_state, result) == state
