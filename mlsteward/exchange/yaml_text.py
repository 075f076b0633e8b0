"""YAML in and out: plain values only, of bounded size."""

from collections.abc import Mapping
from typing import Any, cast

from mlsteward.errors import InvalidArgument, UnusableData

MOST_BYTES = 4 * 1024 * 1024
# Aliases let a short text stand for billions of values; no document of these kinds needs more than a few.
_MOST_NODES = 400_000


def read_yaml(text: str, name: str) -> dict[str, Any]:
    """The mapping that a document holds. Raises InvalidArgument and UnusableData in words."""
    import yaml

    if len(text.encode()) > MOST_BYTES:
        raise InvalidArgument(f"{name} has more than {MOST_BYTES // 1024 // 1024} MB, which no such document has.")
    try:
        loaded = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UnusableData(f"{name} is no YAML: {' '.join(str(error).split())[:200]}") from error
    if not isinstance(loaded, dict):
        raise UnusableData(f"{name} holds no mapping, as a document of this kind does.")
    _count(loaded, name)
    return cast(dict[str, Any], loaded)


def write_yaml(document: Mapping[str, Any]) -> str:
    """The document, its keys in their order, without aliases."""
    import yaml

    class Plain(yaml.SafeDumper):
        def ignore_aliases(self, data: object) -> bool:
            return True

    return yaml.dump(dict(document), Dumper=Plain, sort_keys=False, allow_unicode=True, width=120)


def _count(loaded: object, name: str) -> None:
    pending: list[object] = [loaded]
    seen = 0
    while pending:
        value = pending.pop()
        seen += 1
        if seen > _MOST_NODES:
            raise UnusableData(f"{name} repeats itself into more than {_MOST_NODES:,} values.")
        if isinstance(value, dict):
            pending += cast(dict[object, object], value).values()
        elif isinstance(value, list):
            pending += cast(list[object], value)
