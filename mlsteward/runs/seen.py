"""A run as its reader may see it."""

import re
from typing import Any, Protocol, Self, runtime_checkable

from mlsteward.dictionary.sensitivity import FULL
from mlsteward.runs.kinds import job_kind
from mlsteward.store.masking import Masks
from mlsteward.store.runs import Run, get_run
from mlsteward.store.transaction import Transaction

_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`")


@runtime_checkable
class Maskable(Protocol):
    """A Result that knows how to leave out what is masked; others are withheld as a whole."""

    def seen(self, masks: Masks) -> Self:
        """The same result without values of masked columns, and without what tells of them."""
        ...


def seen_run(t: Transaction, number: int) -> Run:
    """The run for the reader whose transaction this is.

    A run that worked on columns masked for them shows state, times and metrics, and of its result what its kind knows
    to be free of values.
    """
    seen = get_run(t, number)
    if t.clearance == FULL:
        return seen
    whole = get_run(t.whole, number)
    if not seen.withheld:
        # What could not be read was never labelled, and words of readers quote cells.
        error = _QUOTED.sub("'…'", whole.error) if whole.kind == "register" else whole.error
        return whole.model_copy(update={"error": error})
    result = _seen_result(whole, t.masks)
    if result is None:
        return seen
    return seen.showing(result)


def _seen_result(run: Run, masks: Masks) -> dict[str, Any] | None:
    if run.state != "completed" or not run.result:
        return None
    result = job_kind(run.kind).Result.model_validate(run.result)
    return result.seen(masks).model_dump(mode="json") if isinstance(result, Maskable) else None
