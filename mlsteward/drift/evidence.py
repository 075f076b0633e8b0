"""What one check found, before all checks are judged together."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from mlsteward.drift.report import CheckKind


@dataclass(frozen=True)
class Smallest:
    """The smallest effect that would have been seen with power 0.8, and whether that is small enough to say stable."""

    effect: float
    measure: str
    enough: bool


@dataclass(frozen=True)
class Evidence:
    """One check. `severity` is the effect over its gate; `power` gives, for a level, what could have been seen.

    `main` checks of a column's distribution share four fifths of the error, the others the rest (see
    `multiplicity.family_weights`). `unusable` says why the check cannot be made at all.
    """

    column: str
    kind: CheckKind
    p: float
    severity: float
    measure: str
    effect: float
    gate: float
    change: str = ""
    low: float | None = None
    high: float | None = None
    stability_index: float | None = None
    power: Callable[[float], Smallest] | None = None
    unusable: str = ""
    window: str = ""

    @property
    def main(self) -> bool:
        return self.kind in ("distribution", "joint distribution", "row volume")


def raise_gate(evidence: Evidence, largest: float) -> Evidence:
    """`evidence` judged against `largest`, the severity seen between the reference's own windows."""
    if largest <= 1:
        return evidence
    # An area of 0.5 is no effect, a ratio of 1 neither.
    nothing = {"AUC": 0.5, "rate ratio": 1.0}.get(evidence.measure, 0.0)
    gate = evidence.gate**largest if nothing == 1 else nothing + (evidence.gate - nothing) * largest
    return replace(evidence, severity=evidence.severity / largest, gate=gate)
