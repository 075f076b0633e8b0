"""Everything that the gates of a run found, as a page."""

import json
from collections.abc import Sequence

from mlsteward.answer import interval, markdown_table, number
from mlsteward.gates.result import GateResult
from mlsteward.gates.verdict import blocking, gate_words


def gates_page(model: str, alias: str, results: Sequence[GateResult]) -> str:
    """A table of all gates, then each with its evidence."""
    refused = blocking(results)
    verdict = f"refused by {', '.join(refused)}" if refused else "no gate refuses"
    rows = [
        (one.gate, one.outcome, interval(one.value, one.low, one.high), number(one.limit), "yes" if one.blocks else "")
        for one in results
    ]
    lines = [f"# Gates of {model} for {alias}", "", f"{gate_words(results)}; {verdict}.", ""]
    lines += markdown_table(("gate", "outcome", "value [interval]", "limit", "refuses"), rows)
    for one in results:
        lines += ["", f"## {one.gate}: {one.outcome}", "", one.words]
        if one.evidence:
            lines += ["", "```json", json.dumps(one.evidence, indent=1, ensure_ascii=False, default=str), "```"]
    return "\n".join(lines) + "\n"
