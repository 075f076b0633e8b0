"""A model as an ONNX file with its parity report; it is refused where the file does not say what the model says."""

import json
from pathlib import Path

from mlsteward.data.frames import read_frame, spread
from mlsteward.data.snapshot import Column
from mlsteward.errors import NotSupported, UnusableData
from mlsteward.serving.onnx_form import TOLERANCE, onnx_form, onnx_scores
from mlsteward.serving.package_mlflow import Packaged
from mlsteward.serving.single_row import compare_scores
from mlsteward.training.bundle import ModelBundle

FILE, REPORT = "model.onnx", "parity.json"


def write_onnx(folder: Path, bundle: ModelBundle, about: Packaged, snapshot: Path | None, rows: int) -> str:
    """Write file and report into the empty `folder`; returns the report in words.

    Parity is tested on `rows` rows of the snapshot. Raises UnusableData where that is gone, and NotSupported where the
    model has no ONNX form, or one that says something else.
    """
    if snapshot is None or not snapshot.is_file():
        raise UnusableData(
            f"The rows of {about.dataset} are gone: nobody can tell whether an ONNX file says what {about.label} says."
        )
    data = onnx_form(bundle)
    columns = [Column(name=column["name"], type=column["type"]) for column in bundle.columns]
    frame = spread(read_frame(snapshot, columns), rows)
    scores, labels = onnx_scores(data, bundle, frame)
    expected = bundle.raw_scores(frame)
    found = compare_scores(bundle, expected, scores, TOLERANCE)
    differ = sum(a != b for a, b in zip(labels, bundle.labels_of(expected), strict=True)) if labels else 0
    if not found.passed or differ:
        raise NotSupported(
            f"The ONNX form of {about.label} does not say what the model says: {found.words}. Package it for docker or"
            " mlflow instead.",
            next=f'package_model(model="{about.label}", target="docker")',
        )
    (folder / FILE).write_bytes(data)
    report = {
        **about.model_dump(),
        "rows": found.rows,
        "largest_difference": found.largest,
        "tolerance": found.tolerance,
        "labels_that_differ": differ,
        "passed": True,
        "inputs": {column["name"]: column["kind"] for column in bundle.columns},
        "missing": {"number": "NaN", "category": "(missing)", "time": "smallest 64-bit number; else microseconds UTC"},
        "classes": bundle.classes,
        "threshold": bundle.threshold,
    }
    (folder / REPORT).write_text(json.dumps(report, indent=1), encoding="utf-8")
    return f"parity: {found.words}"
