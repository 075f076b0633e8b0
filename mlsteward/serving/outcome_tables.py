"""Outcomes beside the predictions that they belong to, as SQL over the files of both."""

from collections.abc import Sequence
from pathlib import Path

from mlsteward.data.engine import literal

# Columns of a piece of outcomes. Of `prediction_id` and `key` one is null; `outcome` is null where only a word was
# given; `run` and `place` are the order in which outcomes were accepted.
COLUMNS = {
    "prediction_id": "VARCHAR",
    "key": "VARCHAR",
    "outcome": "VARCHAR",
    "correct": "BOOLEAN",
    "why": "VARCHAR",
    "recorded": "TIMESTAMP",
    "source": "VARCHAR",
    "actor": "VARCHAR",
    "run": "BIGINT",
    "place": "BIGINT",
}


def outcome_tables(workspace: Path, files: Sequence[str], predictions: str, classes: Sequence[str] = ()) -> str:
    """A SELECT with one row for each prediction of the relation `predictions` whose outcome is known.

    Columns: `prediction_id`, `outcome` (text; null where a word alone does not tell it), `correct` (of classes; null
    where it cannot be told), `why`, `recorded`. `predictions` has `prediction_id`, `key`, `time`, `role` and
    `prediction`; `files` are those of `store.outcomes.outcome_files`. A shadow's answer has the prediction id of the
    answer it stands behind.

    Of several outcomes of a prediction the last counts, and a label counts before a word ("right", "wrong"). An outcome
    by key belongs to the predictions with this key that were made before it, back to the outcome before them: so a
    customer who is scored every month gets every month's outcome, and a correction goes to what it corrects. With
    `classes`, those of the model, "wrong" of two classes means the other one.
    """
    return f"""
        WITH answered AS (
            SELECT prediction_id, key, time, prediction FROM {predictions} WHERE role IS DISTINCT FROM 'shadow'
        ),
        said AS (SELECT * FROM {_pieces(workspace, files)}),
        steps AS (
            SELECT key, time AS moment, 0 AS later, -1 AS run, -1 AS place, prediction_id FROM answered
            WHERE key IN (SELECT key FROM said)
            UNION ALL
            SELECT key, recorded, 1, run, place, NULL FROM said WHERE key IS NOT NULL
        ),
        turns AS (
            SELECT *, later < lag(later, 1, 0) OVER (
                PARTITION BY key ORDER BY moment, later, run, place
            ) AS anew FROM steps
        ),
        rounds AS (
            SELECT *, count(*) FILTER (anew) OVER (
                PARTITION BY key ORDER BY moment, later, run, place ROWS UNBOUNDED PRECEDING
            ) AS round FROM turns
        ),
        belonging AS (
            SELECT * EXCLUDE (key) FROM said WHERE prediction_id IS NOT NULL
            UNION ALL BY NAME
            SELECT p.prediction_id, s.* EXCLUDE (key, prediction_id)
            FROM rounds AS p JOIN rounds AS o ON o.key = p.key AND o.round = p.round AND o.later = 1
            JOIN said AS s ON s.run = o.run AND s.place = o.place
            WHERE p.later = 0
        ),
        last_said AS (
            SELECT prediction_id, arg_max(outcome, (run, place)) FILTER (outcome IS NOT NULL) AS label,
                arg_max(correct, (run, place)) FILTER (correct IS NOT NULL) AS word,
                arg_max(why, (run, place)) FILTER (why <> '') AS why, max(recorded) AS recorded
            FROM belonging GROUP BY prediction_id
        )
        SELECT prediction_id, coalesce(label, CASE WHEN word THEN prediction {_other(classes)} END) AS outcome,
            CASE WHEN label IS NULL THEN word {_compared(classes)} END AS correct, coalesce(why, '') AS why, recorded
        FROM last_said JOIN (SELECT DISTINCT ON (prediction_id) * FROM answered) USING (prediction_id)
    """


def _pieces(workspace: Path, files: Sequence[str]) -> str:
    if not files:
        columns = ", ".join(f"CAST(NULL AS {kind}) AS {name}" for name, kind in COLUMNS.items())
        return f"(SELECT {columns} WHERE false)"
    return f"read_parquet([{', '.join(literal(str(workspace / file)) for file in files)}])"


def _other(classes: Sequence[str]) -> str:
    if len(classes) != 2:
        return ""
    first, second = (literal(one) for one in classes)
    return f"WHEN NOT word THEN CASE prediction WHEN {first} THEN {second} WHEN {second} THEN {first} END"


def _compared(classes: Sequence[str]) -> str:
    return "ELSE label = prediction" if classes else ""
