"""Loading a model for an endpoint, in a process of its own: `python -m mlsteward.serving.endpoint.load`.

The libraries that read a model file take seconds of CPU and 130 MB, none of which an endpoint needs to score most
models. So a child reads the file, turns the model into its form for single rows, holds that form to the model on rows
that go through everything its columns may hold, and hands it over; requests go on meanwhile.
"""

import asyncio
import json
import os
import pickle
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from mlsteward.errors import Refused, StewardError, error_class
from mlsteward.serving.endpoint.desired import ServedModel
from mlsteward.serving.single_row import SingleRow, parity

if TYPE_CHECKING:
    import pandas as pd

    from mlsteward.training.bundle import ModelBundle

SECONDS = 180.0
PROBES = 80


def load_row(workspace: Path, model: ServedModel) -> SingleRow:
    """The model of a registered file, for single rows. Raises NotFound and Refused as `load_bundle` does, and Refused
    where neither form of it says what the model says."""
    from mlsteward.serving.model_file import load_bundle

    bundle = load_bundle(workspace / model.path, model.sha256)
    rows = probe_rows(bundle)
    for plain in (True, False):
        found = parity(bundle, rows, rows=PROBES, plain=plain)
        if found.passed:
            return SingleRow(bundle, plain=plain)
    raise Refused(f"{model.label} says something else of single rows than of tables: {found.words}.")


def probe_rows(bundle: "ModelBundle") -> "pd.DataFrame":
    """Rows that go through what the columns of a model may hold: their range and beyond, all levels and a strange one,
    and nothing at all."""
    import numpy as np
    import pandas as pd

    generator = np.random.default_rng(0)
    columns: dict[str, Any] = {}
    for column in bundle.signature:
        gaps = generator.random(PROBES) < 0.15
        if column.kind == "number":
            low, high = column.low or 0.0, column.high or 0.0
            spread = (high - low) * 0.1 or 1.0
            values: Any = np.where(gaps, np.nan, generator.uniform(low - spread, high + spread, PROBES))
        elif column.kind == "time":
            values = np.datetime64("1999-01-01", "us") + generator.integers(0, 10**15, PROBES).astype("timedelta64[us]")
            values[gaps] = np.datetime64("NaT")
        else:
            known: list[Any] = [True, False] if column.kind == "boolean" else [*column.levels, "never seen before"]
            # Numbers that stand for categories are read as numbers.
            if column.kind == "category" and all(map(_is_number, column.levels)):
                known = [*map(float, column.levels), 0.5]
            values = np.array(known, dtype=object)[generator.integers(0, len(known), PROBES)]
            values[gaps] = None
        columns[column.name] = pd.Series(
            values, dtype=object if column.kind in ("boolean", "category", "text") else None
        )
    return pd.DataFrame(columns)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


async def load_aside(workspace: Path, model: ServedModel) -> SingleRow:
    """`load_row` in a process of its own."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "mlsteward.serving.endpoint.load",
        str(workspace),
        model.model_dump_json(),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(SECONDS):
            said, _ = await child.communicate()
    except TimeoutError:
        child.kill()
        raise Refused(f"{model.label} did not load within {SECONDS:g} s.") from None
    head, _, body = said.partition(b"\n")
    if not head:
        raise Refused(f"{model.label} did not load: its process ended with code {child.returncode}.")
    found = json.loads(head)
    if found:
        raise error_class(found["error"])(found["message"], next=found["next"])
    # What comes through this pipe was made by our own code a moment ago, from a file that was checked. A model without
    # a plain form brings its library with it, which takes long to import.
    return cast(SingleRow, await asyncio.to_thread(pickle.loads, body))


def main() -> None:
    # What a library prints must not get between.
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        row = load_row(Path(sys.argv[1]), ServedModel.model_validate_json(sys.argv[2]))
    except StewardError as error:
        answer.write(json.dumps({"error": type(error).__name__, "message": error.said(), "next": error.next}).encode())
        answer.write(b"\n")
    else:
        answer.write(b"{}\n" + pickle.dumps(row, protocol=pickle.HIGHEST_PROTOCOL))
    answer.flush()


if __name__ == "__main__":
    main()
