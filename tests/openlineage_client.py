"""Events read back with the official client's classes, which refuse what the specification does not have."""

import importlib
import json
import pkgutil
import types
import typing
from typing import Any

import attr
import openlineage.client.generated as generated
from openlineage.client.event_v2 import RunEvent
from openlineage.client.serde import Serde

_SIGNED = ("_producer", "_schemaURL")


def _facet_classes() -> dict[str, type]:
    """The classes of facets by the schema that they stand for."""
    found: dict[str, type] = {}
    for module in pkgutil.iter_modules(generated.__path__):
        for one in vars(importlib.import_module(f"{generated.__name__}.{module.name}")).values():
            if isinstance(one, type) and attr.has(one) and hasattr(one, "_get_schema"):
                found[one._get_schema()] = one  # pyright: ignore - the client's own way to say it
    return found


FACETS = _facet_classes()


def check_event(event: dict[str, Any]) -> RunEvent:
    """The event as the client has it; fails where the client, writing it again, would write something else."""
    read = _read(event, RunEvent)
    assert isinstance(read, RunEvent)
    written = json.loads(Serde.to_json(read))
    assert _bare(written) == _bare(event)
    return read


def _read(value: Any, kind: Any) -> Any:
    """A value of the class or type `kind`."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        (inner,) = [one for one in arguments if one is not type(None)]
        return None if value is None else _read(value, inner)
    if origin is list:
        return [_read(one, arguments[0]) for one in value]
    if origin is dict:
        return {key: _read(one, arguments[1]) for key, one in value.items()}
    if isinstance(kind, type) and attr.has(kind):
        return _read_object(value, kind)
    return kind(value) if isinstance(kind, type) and kind.__name__ == "EventType" else value


def _read_object(value: dict[str, Any], kind: type) -> Any:
    url = value.get("_schemaURL")
    if url:
        assert issubclass(FACETS[url], kind), f"{url} is no {kind.__name__}"
        kind = FACETS[url]
    hints = typing.get_type_hints(kind)
    given = {key: _read(one, hints[key]) for key, one in value.items() if key not in (*_SIGNED, "schemaURL")}
    if url:
        given["producer"] = value["_producer"]
    made = kind(**given)
    schema = getattr(made, "_schemaURL", None) or getattr(made, "schemaURL", None)
    assert schema == (url or value.get("schemaURL")), f"{schema} is not {url}"
    return made


def _bare(value: Any) -> Any:
    """Without what is empty, which is the same as what is not there."""
    if isinstance(value, dict):
        kept = {key: _bare(one) for key, one in value.items()}
        return {key: one for key, one in kept.items() if one not in (None, {}, [])}
    return [_bare(one) for one in value] if isinstance(value, list) else value
