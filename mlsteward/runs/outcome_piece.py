"""A piece of outcomes: read from whatever it came in, and held against the predictions. Worker code alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mlsteward.answer import counted
from mlsteward.data.engine import literal, quote, row_of
from mlsteward.data.profile import type_family
from mlsteward.data.rows import text_expression
from mlsteward.data.snapshot import Column
from mlsteward.data.sources import locate, read_located
from mlsteward.errors import InvalidArgument, UnusableData
from mlsteward.names import close_names
from mlsteward.serving.outcome_tables import COLUMNS, outcome_tables
from mlsteward.serving.prediction_log import prediction_tables

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from mlsteward.runs.jobs.outcomes import Request

PIECE = "piece"
# Names under which a file may have what a piece calls otherwise.
_ALSO = {"outcome": ("label", "truth", "actual"), "why": ("reason", "comment")}
_TRUE, _FALSE = "('true', 'right', 'correct', 'yes', '1')", "('false', 'wrong', 'incorrect', 'no', '0')"
_SHOWN = 5


@dataclass(frozen=True)
class Counts:
    """What a piece changes: how many predictions have their `first` outcome by it and how many another one; its rows
    that match no prediction; predictions with new words. `known` of `predictions` have an outcome then."""

    first: int
    corrected: int
    unmatched: int
    reasons: int
    known: int
    predictions: int

    @property
    def anything_new(self) -> bool:
        return bool(self.first or self.corrected or self.unmatched or self.reasons)


def read_piece(
    engine: "DuckDBPyConnection", request: "Request", workspace: Path, scratch: Path, now: datetime, run: int
) -> tuple[int, list[str]]:
    """Make the table `piece` of what was given; how many rows it has, and what there is to say of the rest.

    Raises InvalidArgument where columns are missing or no outcome is a class of the model.
    """
    engine.execute(f"CREATE VIEW given AS {_given(engine, request, workspace, scratch)}")
    columns = _columns(engine, request)
    fields = {name: _text(column) for name, column in columns.items()}
    fields["correct"] = _truth(fields["correct"]) if "correct" in fields else "NULL"
    stamp = literal(now.astimezone(UTC).replace(tzinfo=None).isoformat())
    constants = {
        "recorded": stamp,
        "source": literal(request.shown),
        "actor": literal(request.actor),
        "run": str(run),
        "place": "row_number() OVER ()",
    }
    said = fields | constants
    selected = ", ".join(f"CAST({said.get(name, 'NULL')} AS {kind}) AS {name}" for name, kind in COLUMNS.items())
    engine.execute(f"CREATE TABLE read AS SELECT {selected} FROM given")
    engine.execute(f"CREATE TABLE {PIECE} AS SELECT * FROM read WHERE {_SAYS}")
    notes = _left_out(engine, request)
    (rows,) = row_of(engine, f"SELECT count(*) FROM {PIECE}")
    if not rows:
        why = f" ({'; '.join(notes)})" if notes else ""
        raise UnusableData(f"{request.shown} holds no outcome that could be recorded{why}.")
    return rows, [*notes, *_check_outcomes(engine, request)]


# Whether a row says something of a prediction.
_SAYS = (
    "(prediction_id IS NOT NULL OR key IS NOT NULL) AND (outcome IS NOT NULL OR correct IS NOT NULL OR why IS NOT NULL)"
)


def held_against(engine: "DuckDBPyConnection", request: "Request", workspace: Path, piece: Path) -> Counts:
    """Hold the table `piece`, which the file `piece` has too, against the predictions and the outcomes before it."""
    log = prediction_tables(workspace, request.deployment)
    engine.execute(f"CREATE TABLE logged AS SELECT prediction_id, key, time, role, prediction FROM {log}")
    for name, files in (("before", request.files), ("after", [*request.files, str(piece)])):
        engine.execute(f"CREATE TABLE {name} AS {outcome_tables(workspace, files, 'logged', request.classes)}")
    told = "(b.outcome IS NOT NULL OR b.correct IS NOT NULL)"
    first, corrected, reasons, known = row_of(
        engine,
        f"""SELECT count(*) FILTER (told AND NOT {told}),
                count(*) FILTER (told AND {told} AND (a.outcome, a.correct) IS DISTINCT FROM (b.outcome, b.correct)),
                count(*) FILTER (a.why <> coalesce(b.why, '')), count(*) FILTER (told)
            FROM (SELECT *, outcome IS NOT NULL OR correct IS NOT NULL AS told FROM after) AS a
            LEFT JOIN before AS b USING (prediction_id)""",
    )
    (unmatched,) = row_of(
        engine,
        f"SELECT count(*) FROM {PIECE} WHERE prediction_id NOT IN (SELECT prediction_id FROM logged)"
        " OR (prediction_id IS NULL AND key NOT IN (SELECT key FROM logged WHERE key IS NOT NULL))",
    )
    (predictions,) = row_of(
        engine, "SELECT count(DISTINCT prediction_id) FROM logged WHERE role IS DISTINCT FROM 'shadow'"
    )
    return Counts(first, corrected, unmatched, reasons, known, predictions)


def _given(engine: "DuckDBPyConnection", request: "Request", workspace: Path, scratch: Path) -> str:
    if request.rows:
        engine.execute(
            "CREATE TABLE rows (prediction_id VARCHAR, key VARCHAR, outcome VARCHAR, correct BOOLEAN, why VARCHAR)"
        )
        names = ("prediction_id", "key", "outcome", "correct", "why")
        engine.executemany(
            "INSERT INTO rows VALUES (?, ?, ?, ?, ?)", [[row[name] for name in names] for row in request.rows]
        )
        return "SELECT * FROM rows"
    if request.snapshot:
        return f"SELECT * FROM read_parquet({literal(str(workspace / request.snapshot))})"
    located = locate(request.source, scratch)
    reading, _ = read_located(engine, located, scratch, request.source.limit_mb)
    return reading.sql


def _columns(engine: "DuckDBPyConnection", request: "Request") -> dict[str, Column]:
    """The column for each field of a piece that there is one for. Raises InvalidArgument for what is missing."""
    described = engine.execute("DESCRIBE given").fetchall()
    known = {str(name).casefold(): Column(name=name, type=kind) for name, kind, *_ in described}
    wanted: Mapping[str, Sequence[str]] = {
        "prediction_id": ["prediction_id"] if not request.key else [],
        "key": [request.key or "key"],
        "outcome": [request.outcome] if request.outcome else ["outcome", request.target, *_ALSO["outcome"]],
        "correct": ["correct"],
        "why": ["why", *_ALSO["why"]],
    }
    found = {
        field: next((known[name.casefold()] for name in names if name.casefold() in known), None)
        for field, names in wanted.items()
    }
    names = [column.name for column in known.values()]
    for argument, name in (("key", request.key), ("outcome", request.outcome)):
        if name and found[argument] is None:
            raise InvalidArgument(f"{request.shown} has no column {name!r}.", close=close_names(name, names))
    listed = ", ".join(names[:12])
    if found["prediction_id"] is None and found["key"] is None:
        raise InvalidArgument(
            f"{request.shown} has neither `prediction_id` nor `key` among {listed}: name in key the column with the"
            " keys that were sent with the rows.",
            next=f'record_outcomes(deployment="{request.deployment}", source="{request.shown}", key="{names[0]}")',
        )
    if not any(found[name] for name in ("outcome", "correct", "why")):
        raise InvalidArgument(
            f"{request.shown} has none of `outcome`, `{request.target}`, `correct` and `why` among {listed}: name in"
            " outcome the column with what was true."
        )
    return {name: column for name, column in found.items() if column}


def _text(column: Column) -> str:
    """A value as text, null where it is blank: numbers as they are written whatever their type, times as ISO 8601."""
    expression = (
        f"CAST({quote(column.name)} AS VARCHAR)" if type_family(column.type) == "time" else text_expression(column)
    )
    return f"nullif(trim({expression}), '')"


def _truth(text: str) -> str:
    return f"CASE WHEN lower({text}) IN {_TRUE} THEN true WHEN lower({text}) IN {_FALSE} THEN false END"


def _left_out(engine: "DuckDBPyConnection", request: "Request") -> list[str]:
    nameless, blank = row_of(
        engine,
        "SELECT count(*) FILTER (prediction_id IS NULL AND key IS NULL),"
        " count(*) FILTER (outcome IS NULL AND correct IS NULL AND why IS NULL) FROM read",
    )
    notes = [f"{counted(nameless, 'row names', 'rows name')} no prediction and no key: left out"] if nameless else []
    if blank:
        notes.append(f"{counted(blank, 'row has', 'rows have')} no outcome yet: left out")
    return notes


def _check_outcomes(engine: "DuckDBPyConnection", request: "Request") -> list[str]:
    """What is to be said of outcomes that are no class of the model, or no number."""
    if request.classes:
        listed = ", ".join(literal(one) for one in request.classes)
        strange = f"outcome NOT IN ({listed})"
        what = f"no class of {request.model}"
    else:
        strange = "outcome IS NOT NULL AND NOT isfinite(coalesce(TRY_CAST(outcome AS DOUBLE), 'nan'::DOUBLE))"
        what = "no number"
    count, all_ = row_of(engine, f"SELECT count(*) FILTER ({strange}), count(outcome) FROM {PIECE}")
    if not count:
        return []
    if count < all_:
        return [f"{counted(count, 'outcome is', 'outcomes are')} {what}, and kept as said"]
    example = f" The classes are {', '.join(request.classes[:_SHOWN])}." if request.classes and request.open else ""
    raise InvalidArgument(
        f"None of the {count:,} outcomes is {what.replace('no ', 'a ', 1)}; nothing was recorded.{example}"
    )
