"""What is wrong with a policy file, in words for whoever wrote it."""

from collections.abc import Mapping, Sequence
from typing import Any, cast, get_args

from pydantic import BaseModel, ValidationError

from mlsteward.answer import number
from mlsteward.gates.toml_lines import line_of
from mlsteward.names import close_names

# What pydantic says of one mistake.
Details = Mapping[str, Any]

_TYPES = {
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "string": "text in quotes",
    "list": 'a list, as in ["a", "b"]',
    "dict": "a table, as in { roc_auc = 0.7 }",
    "model": "a table",
}
_LIMITS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below", "min_length": "of length"}


def told(text: str, error: ValidationError, model: type[BaseModel]) -> list[str]:
    """Each mistake in a line, in the order of the file; what a union of types says several times is said once."""
    found: dict[tuple[str, ...], list[Details]] = {}
    for one in error.errors(include_url=False):
        details = cast(Details, one)
        found.setdefault(_path(details, model), []).append(details)
    lines = [(line_of(text, path), f"{_name(path)} {_words(path, several, model)}") for path, several in found.items()]
    return [f"line {line}: {words}" if line else words for line, words in sorted(lines)]


def _name(path: Sequence[str]) -> str:
    return f"`{'.'.join(path)}`" if path else "the file"


def _path(error: Details, model: type[BaseModel]) -> tuple[str, ...]:
    """The keys that lead to a mistake, without what pydantic adds for arms of unions and places in lists."""
    path: list[str] = []
    at: Any = model
    for part in error["loc"]:
        if not isinstance(part, str) or part == "[key]":
            break
        if isinstance(at, type) and issubclass(at, BaseModel):
            path.append(part)
            field = at.model_fields.get(part)
            at = _inside(field.annotation) if field else None
        elif at is dict or isinstance(at, _Members):
            path.append(part)
            at = at.of if isinstance(at, _Members) else None
        else:
            break
    return tuple(path)


class _Members:
    """A table whose keys are free and whose values are of one kind."""

    def __init__(self, of: Any) -> None:
        self.of = of


def _inside(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    arguments = get_args(annotation)
    return _Members(_inside(arguments[1])) if getattr(annotation, "__origin__", None) is dict else None


def _words(path: Sequence[str], errors: Sequence[Details], model: type[BaseModel]) -> str:
    # What our own checks say tells more than which arms of a union did not fit.
    first = min(errors, key=lambda one: one["type"] != "value_error")
    kind, context = first["type"], cast(Mapping[str, Any], first.get("ctx", {}))
    if kind == "extra_forbidden":
        return _unknown(path, model)
    if kind == "value_error":
        said = str(context.get("error", first["msg"]))
        return (
            f"cannot be {_shown(first['input'])}: {said}"
            if not isinstance(first["input"], dict)
            else f"is wrong: {said}"
        )
    if kind == "literal_error":
        return f"cannot be {_shown(first['input'])}: it is one of {context['expected']}"
    for limit, words in _LIMITS.items():
        if limit in context:
            return f"cannot be {_shown(first['input'])}: it is {words} {number(context[limit])}"
    wanted = [name for one in errors if (name := _TYPES.get(one["type"].partition("_")[0]))]
    return f"cannot be {_shown(first['input'])}: it takes {' or '.join(dict.fromkeys(wanted)) or first['msg']}"


def _unknown(path: Sequence[str], model: type[BaseModel]) -> str:
    at: Any = model
    for part in path[:-1]:
        at = at.of if isinstance(at, _Members) else _inside(at.model_fields[part].annotation)
    known = list(at.model_fields)
    close = close_names(path[-1], known)
    listed = f"; there are {', '.join(known)}" if known else ""
    asked = f": did you mean `{close[0]}`?" if close else listed
    return f"is not known{asked}"


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "…"
