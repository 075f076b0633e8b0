"""Does the version of the dataset that a model was trained on keep its contract, and the model's schema?"""

from collections.abc import Sequence

from mlsteward.answer import clipped, counted
from mlsteward.contracts.check import CheckResult, broken
from mlsteward.gates.result import GateResult

_GATE = "contract"
_SHOWN = 3
_LONGEST = 160


def contract(dataset: str, results: Sequence[CheckResult] | None, unfit: str) -> GateResult:
    """What came of every check of the contract in force on the rows of `dataset`; None where there is no contract.

    `unfit` says how its columns differ from those that the model takes. Checks of severity error fail the gate, others
    are said.
    """
    if unfit:
        return GateResult(gate=_GATE, outcome="failed", words=unfit, evidence={"dataset": dataset})
    if results is None:
        words = f"{dataset} has no contract; its columns are those that the model takes."
        return GateResult(gate=_GATE, outcome="not applicable", words=words, evidence={"dataset": dataset})
    faults = broken(results)
    lesser = [one for one in results if not one.passed and one.severity != "error"]
    evidence = {
        "dataset": dataset,
        "checks": len(results),
        "skipped": sum(one.skipped for one in results),
        "failed": {one.check: clipped(one.words, _LONGEST) for one in [*faults, *lesser]},
    }
    more = f" {counted(len(lesser), 'lesser check')} failed: {_named(lesser)}." if lesser else ""
    checks = counted(len(results), "check")
    if faults:
        words = f"{dataset} breaks {len(faults)} of {checks} of its contract: {_named(faults)}.{more}"
        return GateResult(gate=_GATE, outcome="failed", words=words, value=len(faults), limit=0, evidence=evidence)
    words = f"{dataset} keeps its contract ({checks}).{more}"
    return GateResult(gate=_GATE, outcome="passed", words=words, value=0, limit=0, evidence=evidence)


def _named(results: Sequence[CheckResult]) -> str:
    shown = "; ".join(clipped(f"{one.expected}: {one.words}".rstrip("."), _LONGEST) for one in results[:_SHOWN])
    return shown + (f"; and {len(results) - _SHOWN} more" if len(results) > _SHOWN else "")
