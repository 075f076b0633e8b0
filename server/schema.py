"""JSON schemas as small as an assistant can use: every byte of them is read on every turn."""

from typing import Any, cast

from mlsteward.answer import Answer

_EMPTY: tuple[object, ...] = ("", [], {}, None)


def slim_input(schema: dict[str, Any]) -> dict[str, Any]:
    """An input schema without titles, null arms and empty defaults. `required` already says what may be left out."""
    slimmed = _slim(schema)
    for field in slimmed.get("properties", {}).values():
        if "default" in field and field["default"] in _EMPTY:
            del field["default"]
    return slimmed


def slim_output(answer: type[Answer]) -> dict[str, Any]:
    """The schema of an answer's data without titles and defaults; nothing is required but what opens every answer.

    Absent values are left out of the answer itself, so no other field can be promised.
    """
    slimmed = _slim(answer.model_json_schema())
    for name, field in answer.model_fields.items():
        if field.exclude:
            del slimmed["properties"][name]
    _drop(slimmed, ("default", "required", "additionalProperties"))
    return {**slimmed, "required": ["verdict"]}


def _slim(schema: dict[str, Any]) -> dict[str, Any]:
    copy = {key: _value(key, value) for key, value in schema.items() if not (key == "title" and isinstance(value, str))}
    arms = copy.get("anyOf")
    if isinstance(arms, list):
        kept = [arm for arm in cast(list[dict[str, Any]], arms) if arm != {"type": "null"}]
        if len(kept) == 1 and "default" in copy and copy["default"] is None:
            del copy["anyOf"], copy["default"]
            copy.update(kept[0])
    return copy


def _value(key: str, value: Any) -> Any:
    if key in ("default", "const", "enum", "examples", "required"):
        return value
    if key in ("properties", "$defs"):
        return {name: _slim(part) for name, part in value.items()}
    if isinstance(value, dict):
        return _slim(cast(dict[str, Any], value))
    if isinstance(value, list):
        parts = cast(list[Any], value)
        return [_slim(cast(dict[str, Any], part)) if isinstance(part, dict) else part for part in parts]
    return value


def _drop(schema: Any, keys: tuple[str, ...]) -> None:
    if isinstance(schema, list):
        for part in cast(list[Any], schema):
            _drop(part, keys)
    if not isinstance(schema, dict):
        return
    parts = cast(dict[str, Any], schema)
    for key in keys:
        if not isinstance(parts.get(key), dict) or key == "additionalProperties":
            parts.pop(key, None)
    for key, part in parts.items():
        for child in part.values() if key in ("properties", "$defs") else [part]:
            _drop(child, keys)
