"""What gates found: kept for every run that looked, whatever became of the promotion."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from mlsteward.gates.result import GateResult
from mlsteward.store.masking import MASKED
from mlsteward.store.runs import get_run
from mlsteward.store.transaction import Transaction

_FIELDS = ("gate", "outcome", "words", "value", "low", "high", "limit_value", "evidence", "blocks")


def add_gate_results(t: Transaction, run: int, model: str, results: Sequence[GateResult]) -> None:
    """Keep what the gates of a run found of `model` (`delay@3`, or `run:142` where it has no name yet)."""
    now = datetime.now(UTC)
    t.insert(
        "gate_results",
        [
            {
                "run": run,
                "model": model,
                "position": position,
                **result.model_dump(exclude={"limit"}),
                "limit_value": result.limit,
                "created": now,
            }
            for position, result in enumerate(results)
        ],
    )


def gate_results_of(t: Transaction, run: int) -> list[GateResult]:
    """What the gates of a run found, as its reader may see it."""
    rows = t.rows(f"SELECT {', '.join(_FIELDS)} FROM gate_results WHERE run = ? ORDER BY position", [run])
    if not rows:
        return []
    withheld = bool(get_run(t, run).withheld)
    found: list[GateResult] = []
    for row in rows:
        fields = dict(zip(_FIELDS, row, strict=True))
        fields |= {"limit": fields.pop("limit_value"), "evidence": json.loads(fields["evidence"])}
        fields |= {"words": MASKED, "evidence": {}} if withheld else {}
        found.append(GateResult.model_validate(fields))
    return found


def last_gates(t: Transaction, models: Sequence[str]) -> int:
    """The newest run whose gates looked at a model under any of its labels; 0 where there is none."""
    wanted = ", ".join("?" for _ in models)
    row = t.row(f"SELECT max(run) FROM gate_results WHERE model IN ({wanted})", list(models)) if models else None
    return (row[0] or 0) if row else 0
