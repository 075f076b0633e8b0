"""A TOML text that somebody wrote by hand, read into its tables."""

import tomllib
from typing import Any

from mlsteward.errors import InvalidArgument


def toml_tables(text: str, what: str) -> dict[str, Any]:
    """The tables of the text. Raises InvalidArgument, which calls it `what` and says where it is no TOML."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidArgument(f"The {what} is no TOML: {error}.") from error
    except RecursionError:
        raise InvalidArgument(f"The {what} is nested too deeply.") from None
