"""A model as a folder in MLflow's format: `mlflow.pyfunc.load_model(folder)` loads it, no mlsteward installed.

The file inside is the registered skops file, and its SHA-256 is checked when it is loaded; there is no pickle.
"""

import json
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from mlsteward.data.profile import type_family
from mlsteward.exchange.yaml_text import write_yaml
from mlsteward.record import Record
from mlsteward.serving.batch import result_columns
from mlsteward.serving.package_code import SCORING, copy_code, example_row, pinned, python_version
from mlsteward.serving.pyfunc import FACTS, MODEL
from mlsteward.training.bundle import ModelBundle
from mlsteward.training.signature import SignatureColumn

# The version of MLflow whose format this is: what its clients have read since.
FORMAT = "3.17.2"
LOADER = "mlsteward.serving.pyfunc"
_TYPES = {"number": "double", "time": "datetime"}


class Packaged(Record):
    """What a package says of its model. Values of `secret` columns are neither shown nor written down by it."""

    label: str
    sha256: str
    dataset: str
    metrics: dict[str, float | None] = {}
    secret: list[str] = []


def write_mlflow(folder: Path, bundle: ModelBundle, model: bytes, about: Packaged) -> None:
    """Write the folder, which exists and is empty."""
    data = folder / "data"
    data.mkdir()
    (data / MODEL).write_bytes(model)
    (data / FACTS).write_text(about.model_dump_json(indent=1), encoding="utf-8")
    copy_code(folder / "code", LOADER)
    requirements = pinned(SCORING, bundle)
    (folder / "requirements.txt").write_text("\n".join(requirements) + "\n", encoding="utf-8")
    environment = {
        "python": python_version(),
        "build_dependencies": ["pip", "setuptools", "wheel"],
        "dependencies": ["-r requirements.txt"],
    }
    (folder / "python_env.yaml").write_text(write_yaml(environment), encoding="utf-8")
    conda = {
        "channels": ["conda-forge"],
        "dependencies": [f"python={python_version()}", "pip", {"pip": requirements}],
        "name": "mlflow-env",
    }
    (folder / "conda.yaml").write_text(write_yaml(conda), encoding="utf-8")
    row = example_row(bundle, about.secret)
    example = {"columns": list(row), "data": [list(row.values())]}
    (folder / "input_example.json").write_text(json.dumps(example), encoding="utf-8")
    (folder / "MLmodel").write_text(write_yaml(_description(bundle, about)), encoding="utf-8")


def _description(bundle: ModelBundle, about: Packaged) -> dict[str, Any]:
    return {
        "flavors": {
            "python_function": {
                "code": "code",
                "data": "data",
                "env": {"conda": "conda.yaml", "virtualenv": "python_env.yaml"},
                "loader_module": LOADER,
                "python_version": python_version(),
            },
            "mlsteward": {"model": about.label, "sha256": about.sha256, "dataset": about.dataset, "code": "code"},
        },
        "mlflow_version": FORMAT,
        "model_uuid": uuid.uuid5(uuid.NAMESPACE_OID, f"{about.label} {about.sha256}").hex,
        "saved_input_example_info": {
            "artifact_path": "input_example.json",
            "pandas_orient": "split",
            "type": "dataframe",
        },
        "signature": {
            "inputs": json.dumps([_input(column) for column in bundle.signature]),
            "outputs": json.dumps(_outputs(bundle)),
            "params": None,
        },
        "metadata": {"metrics": about.metrics},
        "utc_time_created": f"{datetime.now(UTC).replace(tzinfo=None)}",
    }


def _input(column: SignatureColumn) -> dict[str, Any]:
    """MLflow turns down whole numbers where it was told doubles: what had no gaps in training is told as whole."""
    kind = "any" if column.kind == "boolean" else _TYPES.get(type_family(column.type), "string")
    if kind == "double" and "INT" in column.type.upper() and not column.nulls:
        kind = "long"
    return {"type": kind, "name": column.name, "required": True}


def _outputs(bundle: ModelBundle) -> list[dict[str, Any]]:
    columns = result_columns(bundle, np.zeros((1, max(len(bundle.classes), 1)))).columns
    label = "double" if bundle.task == "regression" else "string"
    return [{"type": label if name == "prediction" else "double", "name": name} for name in columns]
