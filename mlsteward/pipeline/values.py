"""`${name}` in the values of a pipeline: parameters, the environment, and what earlier steps said."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from mlsteward.errors import InvalidArgument
from mlsteward.names import close_names

# `$${` stands for `${` itself.
_PLACE = re.compile(r"\$(\$)?\{([^{}]*)\}")


def names_in(value: object) -> Iterator[str]:
    """The names that stand as `${name}` anywhere in a value."""
    if isinstance(value, str):
        yield from (found[2].strip() for found in _PLACE.finditer(value) if not found[1])
    elif isinstance(value, dict):
        yield from (name for member in cast(dict[str, Any], value).values() for name in names_in(member))
    elif isinstance(value, list):
        yield from (name for member in cast(list[Any], value) for name in names_in(member))


def fill(value: Any, known: Mapping[str, Any], where: str) -> Any:
    """`value` with each `${name}` replaced by what `known` has; a text that is one `${name}` alone keeps its type.

    Raises InvalidArgument for a name that is not known, with what was close.
    """
    if isinstance(value, str):
        whole = _PLACE.fullmatch(value)
        if whole and not whole[1]:
            return _known(whole[2].strip(), known, where)
        return _PLACE.sub(
            lambda found: found[0][1:] if found[1] else _text(_known(found[2].strip(), known, where)), value
        )
    if isinstance(value, dict):
        return {key: fill(member, known, where) for key, member in cast(dict[str, Any], value).items()}
    if isinstance(value, list):
        return [fill(member, known, where) for member in cast(list[Any], value)]
    return value


def _known(name: str, known: Mapping[str, Any], where: str) -> Any:
    if name in known:
        return known[name]
    step = ".".join(name.split(".")[:2])
    near = [one for one in known if one.startswith(f"{step}.")] or [one for one in known if "." not in one]
    what = "did not say" if name.startswith("steps.") else "is neither a parameter nor set in the environment"
    raise InvalidArgument(
        f"{where}: `${{{name}}}` {what}.", close=[f"${{{one}}}" for one in close_names(name, near, limit=2)]
    )


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
