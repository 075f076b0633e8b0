"""Outcomes beside the predictions that they belong to, as SQL over the files of both."""

from collections.abc import Sequence
from pathlib import Path

from mlsteward.data.engine import literal


def outcome_tables(workspace: Path, files: Sequence[str], predictions: str, classes: Sequence[str] = ()) -> str:
    """A SELECT with one row for each prediction of the relation `predictions` whose outcome is known.

    Columns: `prediction_id`, `outcome` (text), `correct` (of classes; null where it cannot be told), `why`,
    `recorded`. `predictions` has at least `prediction_id`, `key`, `time` and `prediction`; `files` are those of
    `store.outcomes.outcome_files`. Of several outcomes of a prediction the last counts, a label before a word. An
    outcome by key belongs to the predictions with this key since the outcome before them; a key that comes again
    between two outcomes needs prediction ids. `classes` are those of the model: a word "wrong" names the other of two.
    """
    raise NotImplementedError(workspace, files, predictions, classes, Path, literal)
