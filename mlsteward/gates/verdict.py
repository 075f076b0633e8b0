"""What the policy makes of a gate's result, and what all gates together say."""

from collections.abc import Sequence

from mlsteward.answer import counted
from mlsteward.gates.result import UNDECIDED, GateResult
from mlsteward.gates.rules import GateRules


def settled(result: GateResult, rules: GateRules) -> GateResult:
    """The result with whether it blocks: a failure of a gate that only warns is a warning."""
    if rules.on == "warn":
        return result.model_copy(update={"outcome": "warned"}) if result.outcome == "failed" else result
    undecided = result.outcome in UNDECIDED and rules.undecided == "refuse"
    return result.model_copy(update={"blocks": result.outcome == "failed" or undecided})


def blocking(results: Sequence[GateResult]) -> list[str]:
    """The gates that refuse."""
    return [one.gate for one in results if one.blocks]


def gate_words(results: Sequence[GateResult]) -> str:
    """`11 of 12 gates passed, 1 warned (cost)`; the gates that did not apply are not counted among them."""
    applied = [one for one in results if one.outcome != "not applicable"]
    if not applied:
        return "no gate applies"
    others: dict[str, list[str]] = {}
    for one in applied:
        if one.outcome != "passed":
            others.setdefault(one.outcome, []).append(one.gate)
    passed = len(applied) - sum(map(len, others.values()))
    rest = "".join(f", {len(gates)} {outcome} ({', '.join(gates)})" for outcome, gates in others.items())
    return f"{passed} of {counted(len(applied), 'gate')} passed{rest}"
