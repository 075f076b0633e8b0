"""The Open Inference Protocol, version 2: tensors in, tensors out (as KServe, Triton and MLServer speak it).

An input is a column: its name, its values as a tensor of shape [n] or [n, 1]. A model whose columns are all sent in one
tensor of shape [n, p] takes that too, in the order of its signature.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

from mlsteward.data.profile import type_family
from mlsteward.errors import InvalidArgument
from mlsteward.names import close_names
from mlsteward.serving.endpoint.asked import Asked, read_id, read_json, read_keys

_DATATYPES = {"number": "FP64", "boolean": "BOOL"}
_TAKEN: dict[str, tuple[type, ...]] = {
    "BOOL": (bool,),
    "BYTES": (str,),
    **{f"{sign}INT{bits}": (int,) for sign in ("", "U") for bits in (8, 16, 32, 64)},
    **{f"FP{bits}": (int, float) for bits in (16, 32, 64)},
}
_DEEPEST = 8


def read_infer(body: bytes, names: Sequence[str]) -> tuple[Asked, list[str]]:
    """The rows of an inference request for a model with columns `names`, and the outputs it wants, none for all.

    Raises InvalidArgument.
    """
    found = read_json(body)
    if not isinstance(found, dict) or not isinstance(cast(dict[str, Any], found).get("inputs"), list):
        raise InvalidArgument('The body has no list `inputs`: {"inputs": [{"name", "shape", "datatype", "data"}]}.')
    request = cast(dict[str, Any], found)
    columns: dict[str, list[object]] = {}
    for place, given in enumerate(cast(list[object], request["inputs"]), start=1):
        for name, values in _columns(given, place, names).items():
            if name in columns:
                raise InvalidArgument(f"Two inputs are called `{name[:60]}`.")
            columns[name] = values
    sizes = {len(values) for values in columns.values()}
    if len(sizes) != 1:
        raise InvalidArgument(
            "The inputs are of different lengths, or there are none; each holds a value for each row."
        )
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    parameters = request.get("parameters")
    keys = cast(dict[str, object], parameters).get("keys") if isinstance(parameters, dict) else None
    return Asked(rows, read_keys(keys, len(rows)), read_id(request.get("id"), "id")), _wanted(request.get("outputs"))


def _columns(given: object, place: int, names: Sequence[str]) -> dict[str, list[object]]:
    """The columns that one input holds."""
    tensor = cast(dict[str, Any], given) if isinstance(given, dict) else {}
    name, shape, datatype, data = (tensor.get(part) for part in ("name", "shape", "datatype", "data"))
    if not isinstance(name, str) or not isinstance(data, list):
        raise InvalidArgument(f"Input {place} has no `name`, or no list `data` (binary tensors are not taken).")
    sizes = cast(list[object], shape) if isinstance(shape, list) else []
    if not 1 <= len(sizes) <= 2 or not all(type(size) is int and size >= 0 for size in sizes):
        raise InvalidArgument(f"Input `{name[:60]}` has no shape [n], [n, 1] or [n, columns].")
    rows, width = cast(list[int], [*sizes, 1])[:2]
    values = _flat(cast(list[object], data), name)
    if len(values) != rows * width:
        raise InvalidArgument(f"Input `{name[:60]}` has {len(values)} values, and its shape says {rows * width}.")
    _check_type(name, datatype, values)
    if width == 1:
        return {name: values}
    if width != len(names):
        raise InvalidArgument(f"Input `{name[:60]}` has {width} columns, and the model {len(names)}.")
    return {column: values[start::width] for start, column in enumerate(names)}


def _flat(data: list[object], name: str) -> list[object]:
    for _ in range(_DEEPEST):
        if not any(isinstance(value, list) for value in data):
            return data
        parts = [cast(list[object], value) if isinstance(value, list) else [value] for value in data]
        data = [value for part in parts for value in part]
    raise InvalidArgument(f"The data of input `{name[:60]}` is nested too deeply.")


def _check_type(name: str, datatype: object, values: Sequence[object]) -> None:
    taken = _TAKEN.get(datatype) if isinstance(datatype, str) else None
    if taken is None:
        close = close_names(str(datatype)[:20].upper(), _TAKEN)
        raise InvalidArgument(f"Input `{name[:60]}` has a datatype that is none of {', '.join(_TAKEN)}.", close=close)
    for value in values:
        if value is not None and (not isinstance(value, taken) or (isinstance(value, bool) and bool not in taken)):
            raise InvalidArgument(f"Input `{name[:60]}` is said to be {datatype}, and holds {str(value)[:40]!r}.")


def _wanted(outputs: object) -> list[str]:
    if outputs is None:
        return []
    parts = cast(list[object], outputs) if isinstance(outputs, list) else [None]
    found = [cast(dict[str, object], part).get("name") if isinstance(part, dict) else None for part in parts]
    if not all(isinstance(name, str) for name in found):
        raise InvalidArgument('`outputs` lists what is wanted as {"name": …}.')
    return cast(list[str], found)


def tensors(predictions: Sequence[Mapping[str, Any]], classes: Sequence[str], wanted: Sequence[str]) -> list[Any]:
    """The outputs of an answer, those `wanted` or all. Raises InvalidArgument for one that there is not."""
    rows = len(predictions)
    numeric = "FP64" if not classes else "BYTES"
    made: dict[str, Any] = {"prediction": _tensor("prediction", numeric, [rows], _of(predictions, "prediction"))}
    if classes:
        scores = [value for one in predictions for value in one["scores"].values()]
        made["scores"] = _tensor("scores", "FP64", [rows, len(classes)], scores) | {"parameters": {"classes": classes}}
    for name in ("prediction_low", "prediction_high"):
        if predictions and name in predictions[0]:
            made[name] = _tensor(name, "FP64", [rows], _of(predictions, name))
    made["prediction_id"] = _tensor("prediction_id", "BYTES", [rows], _of(predictions, "prediction_id"))
    if strange := [name for name in wanted if name not in made]:
        raise InvalidArgument(
            f"There is no output `{strange[0][:60]}`.", close=close_names(strange[0], made) or list(made)
        )
    return [made[name] for name in wanted or made]


def answered_by(
    label: str, role: str, notes: Sequence[str], predictions: Sequence[Mapping[str, Any]], wanted: Sequence[str]
) -> dict[str, Any]:
    """The parameters of an answer, with the ids of its predictions where no output that is wanted names them."""
    about: dict[str, Any] = {"model": label, "role": role, "notes": notes}
    if wanted and "prediction_id" not in wanted:
        about["prediction_ids"] = _of(predictions, "prediction_id")
    return about


def _of(predictions: Sequence[Mapping[str, Any]], name: str) -> list[Any]:
    return [one[name] for one in predictions]


def _tensor(name: str, datatype: str, shape: list[int], data: list[Any]) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": shape, "data": data}


def inputs_of(columns: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The inputs of a model, as its metadata lists them. Times are texts in ISO 8601."""
    return [
        {"name": one["name"], "datatype": _DATATYPES.get(type_family(one["type"]), "BYTES"), "shape": [-1]}
        for one in columns
    ]


def outputs_of(classes: Sequence[str], *, interval: bool) -> list[dict[str, Any]]:
    """The outputs of a model, as its metadata lists them."""
    listed = [{"name": "prediction", "datatype": "BYTES" if classes else "FP64", "shape": [-1]}]
    if classes:
        listed.append({"name": "scores", "datatype": "FP64", "shape": [-1, len(classes)]})
    if interval:
        listed += [{"name": f"prediction_{end}", "datatype": "FP64", "shape": [-1]} for end in ("low", "high")]
    return [*listed, {"name": "prediction_id", "datatype": "BYTES", "shape": [-1]}]


def finite(value: float) -> float | None:
    """A number as JSON can say it."""
    return value if math.isfinite(value) else None
