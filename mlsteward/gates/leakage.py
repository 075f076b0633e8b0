"""Was a model measured on rows that it knew, or does it read what is known only afterwards?"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlsteward.answer import counted
from mlsteward.evaluation.unseen import tells_rows_apart
from mlsteward.gates.result import GateResult
from mlsteward.gates.rules import LeakageRules

_GATE = "leakage"
_SHOWN = 4

Hashes = NDArray[np.uint64]


def leakage(
    train: Hashes, test: Hashes, rules: LeakageRules, *, later: Sequence[str], questions: Sequence[str]
) -> GateResult:
    """The share of held-out rows whose feature values stand in the training rows; and features that come too late.

    `train` (m,) and `test` (n,) are hashes of feature values; `later` names features that the data dictionary says are
    known only after the moment of prediction, which *fails*; `questions` are what the training asked about columns that
    alone say nearly all of the target, and nobody has answered: a warning. Where feature values repeat so often that
    they do not tell rows apart, an overlap is no leak and the gate *cannot tell*.
    """
    shared = int(np.isin(test, train).sum())
    share = shared / len(test) if len(test) else 0.0
    evidence: dict[str, Any] = {
        "held_out_rows": len(test),
        "shared_rows": shared,
        "known_later": [*later],
        "questions": [*questions],
    }
    numbers: dict[str, Any] = {"value": share, "limit": rules.most_overlap, "evidence": evidence}
    overlap = f"{share:.1%} of {counted(len(test), 'held-out row')} have the feature values of a training row"
    if later:
        named = ", ".join(f"`{name}`" for name in later[:_SHOWN])
        words = f"It reads {named}, known only after the moment of prediction (available_at after in the dictionary)."
        return GateResult(gate=_GATE, outcome="failed", words=words, **numbers)
    if share > rules.most_overlap and not tells_rows_apart(train):
        words = f"Cannot tell: {overlap}, but feature values repeat too often to tell rows apart."
        return GateResult(gate=_GATE, outcome="cannot tell", words=words, **numbers)
    if share > rules.most_overlap:
        words = f"Held-out rows stand in the training rows: {overlap} (at most {rules.most_overlap:.1%})."
        return GateResult(gate=_GATE, outcome="failed", words=words, **numbers)
    if questions:
        words = f"A question of the training is open: {' '.join(questions)}"
        return GateResult(gate=_GATE, outcome="warned", words=words, **numbers)
    words = f"No leak found: {overlap}; no feature gives the target away."
    return GateResult(gate=_GATE, outcome="passed", words=words, **numbers)
