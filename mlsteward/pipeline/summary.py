"""A pipeline's outcome in Markdown, as CI systems show it beside a change."""

import html

from mlsteward.answer import clipped, markdown_table
from mlsteward.pipeline.outcome import MARKS, PipelineOutcome, StepOutcome

_WORDS = 400
_LINES = 40


def markdown_summary(outcome: PipelineOutcome) -> str:
    """The verdict, a table of the steps, and what each found, folded away unless it went wrong."""
    mark = MARKS[outcome.state]
    rows = [
        (MARKS[step.state], f"`{step.id}`", step.told, f"run:{step.run}" if step.run else "", f"{step.seconds:.1f}")
        for step in outcome.steps
    ]
    lines = [f"## {mark} {outcome.name}", "", _plain(outcome.verdict()), ""]
    lines += markdown_table(("", "step", "outcome", "run", "seconds"), rows)
    for step in outcome.steps:
        if step.state != "skipped":
            lines += _section(step)
    return "\n".join(lines) + "\n"


def _section(step: StepOutcome) -> list[str]:
    opened = " open" if step.state in ("failed", "error", "waiting") else ""
    found = [f"- {_plain(line)}" for line in step.findings[:_LINES]]
    if (more := len(step.findings) - _LINES) > 0:
        found.append(f"- and {more} more lines at `mlsteward://runs/{step.run}`")
    title = f"<code>{step.id}</code>: {step.told}"
    return ["", f"<details{opened}><summary>{title}</summary>", "", _plain(step.words), "", *found, "", "</details>"]


def _plain(text: str) -> str:
    """Text of a run as text: no tag or link in it is one in the summary."""
    one_line = clipped(" ".join(text.split()), _WORDS)
    return html.escape(one_line, quote=False).replace("|", "\\|").replace("[", "\\[").replace("`", "'")
