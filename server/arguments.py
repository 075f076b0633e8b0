"""The arguments of a call: read as a person or a model would write them, refused in readable words."""

import inspect
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, get_origin

from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase, func_metadata
from pydantic import ConfigDict, ValidationError, create_model

from mlsteward.errors import InvalidArgument
from mlsteward.names import close_names

# What pydantic adds to a place for each type of a union.
_TYPE = re.compile(r"(int|float|str|bool|none|(list|dict|constrained-\w+)\[.*\])")


class Arguments(ArgModelBase):
    """The base of every tool's argument model: unknown names are refused, a number may stand where text is asked."""

    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True, arbitrary_types_allowed=True)


def argument_model(function: Callable[..., Any], *, skip: str) -> type[Arguments]:
    """The model of `function`'s parameters but `skip`."""
    declared = func_metadata(function, skip_names=[skip], structured_output=False).arg_model
    fields: dict[str, Any] = {name: (field.annotation, field) for name, field in declared.model_fields.items()}
    return create_model(declared.__name__, __base__=Arguments, **fields)


def validate_arguments(tool: str, model: type[Arguments], given: Mapping[str, Any]) -> dict[str, Any]:
    """The values a tool function is called with; InvalidArgument with one line a problem otherwise."""
    _refuse_unknown(tool, model, given)
    read = {name: _read(value, model.model_fields[name].annotation) for name, value in given.items()}
    # A host that fills in every parameter sends null for "not given".
    present = {
        name: value for name, value in read.items() if value is not None or model.model_fields[name].is_required()
    }
    try:
        return model.model_validate(present).model_dump_one_level()
    except ValidationError as error:
        # A value that fits none of several types is one problem to the caller, and several to pydantic.
        lines = dict.fromkeys(_line(problem, model) for problem in error.errors(include_url=False))
        raise InvalidArgument("\n".join([f"{tool} was not called:", *lines])) from error


def _refuse_unknown(tool: str, model: type[Arguments], given: Mapping[str, Any]) -> None:
    names = list(model.model_fields)
    unknown = [name for name in given if name not in names]
    if unknown:
        close = [match for name in unknown for match in close_names(name, names, limit=1)]
        listed = ", ".join(repr(name) for name in unknown)
        raise InvalidArgument(f"{tool} has no argument {listed}; it takes {', '.join(names)}.", close=close)


def _read(value: Any, annotation: Any) -> Any:
    """Lists and objects also come as JSON in a string (some hosts send nothing else), lists as `a, b`."""
    kind = get_origin(annotation) or annotation
    if not isinstance(value, str) or kind not in (list, dict):
        return value
    text = value.strip()
    if text.startswith(("[", "{")):
        try:
            return json.loads(text)
        except ValueError:
            return value
    if kind is list:
        return [part.strip() for part in text.split(",") if part.strip()]
    return value if text else {}


def _line(problem: Any, model: type[Arguments]) -> str:
    where = ".".join(str(part) for part in problem["loc"] if not _TYPE.fullmatch(str(part))) or "arguments"
    name = str(problem["loc"][0]) if problem["loc"] else ""
    if problem["type"] == "missing":
        return f"- {where} is needed."
    shown = repr(problem["input"])
    shown = shown if len(shown) <= 60 else shown[:57] + "…"
    expected = problem["msg"][0].lower() + problem["msg"][1:]
    wanted = _described(model, name)
    return f"- {where}={shown}: {expected}{wanted}."


def _described(model: type[Arguments], name: str) -> str:
    field = model.model_fields.get(name)
    if field is None or field.annotation is None:
        return ""
    annotation = field.annotation
    text = annotation.__name__ if inspect.isclass(annotation) and get_origin(annotation) is None else str(annotation)
    return f" ({name} is {text.replace('typing.', '')})"
