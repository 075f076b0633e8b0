"""Is the model's file the registered one, and does it say what was measured?"""

from typing import Any

import numpy as np

from mlsteward.answer import counted, number
from mlsteward.evaluation.predictions import Floats
from mlsteward.gates.result import GateResult

_GATE = "artifact"
# Of the largest prediction: what sums in another order, or other processors, change.
TOLERANCE = 1e-6


def artifact(
    measured: Floats, again: Floats, *, sha256: str, single_row: str = "", single_row_ok: bool = True
) -> GateResult:
    """(n, k) predictions as they were stored when the model was measured, and the same from the file as it is now.

    The file was opened with the registered SHA-256 and holds no type outside the allow-list, else there would be no
    `again`. `single_row` says in words how the path for single rows compares with the whole table's: a path that
    differs is not used, so it fails nothing.
    """
    evidence: dict[str, Any] = {
        "sha256": sha256,
        "rows": len(measured),
        "single_row": single_row,
        "single_row_equal": single_row_ok,
    }
    if not len(measured):
        words = "The file opens with its registered bytes and types; no measured predictions are kept to compare with."
        return GateResult(gate=_GATE, outcome="cannot tell", words=words, evidence=evidence)
    scale = max(1.0, float(np.abs(measured).max()))
    largest = float(np.abs(measured - again).max()) / scale
    evidence["largest_difference"] = largest
    same = largest <= TOLERANCE
    rows = counted(len(measured), "held-out row")
    said = f" Single rows: {single_row}." if single_row else ""
    words = (
        f"The file has its registered bytes and types and predicts {rows} as measured (largest difference "
        f"{number(largest, 2)}).{said}"
        if same
        else f"The file predicts {rows} otherwise than measured: by up to {number(largest, 3)} of the largest.{said}"
    )
    return GateResult(
        gate=_GATE,
        outcome="passed" if same else "failed",
        words=words,
        value=largest,
        limit=TOLERANCE,
        evidence=evidence,
    )
