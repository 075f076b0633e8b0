"""Where things stand in a TOML text, for words about mistakes in it."""

import re
from dataclasses import dataclass

_HEADER = re.compile(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(#.*)?")
_KEY = re.compile(r"\s*([A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*')\s*(\.[^=]*)?=")
_QUOTES = re.compile(r'"""|\'\'\'')


@dataclass(frozen=True)
class _Place:
    table: str
    step: int
    key: str
    line: int


class Lines:
    """The keys of a text with their tables and lines, from 1; what stands inside texts of several lines is no key."""

    def __init__(self, text: str) -> None:
        self._places: list[_Place] = []
        table, step, inside = "", -1, ""
        for number, line in enumerate(text.splitlines(), start=1):
            if not inside:
                header = _HEADER.fullmatch(line)
                if header:
                    table = header[2]
                    step += table == "steps" and header[1] == "[["
                    self._places.append(_Place(table, step, "", number))
                elif found := _KEY.match(line):
                    self._places.append(_Place(table, step, found[1].strip("\"'"), number))
            for quotes in _QUOTES.findall(line.partition("#")[0] if not inside else line):
                inside = "" if inside == quotes else inside or quotes

    def of_step(self, step: int) -> int:
        """The line of the header of a [[steps]]; 0 where it has none."""
        return next((one.line for one in self._places if not one.key and one.step == step >= 0), 0)

    def of_key(self, key: str, table: str = "", step: int = -1) -> int:
        """The line of a key of a table, or of a table of that name; 0 where there is none."""
        for one in self._places:
            own = one.step == step and one.table.startswith("steps") if step >= 0 else one.table == table
            if (one.key == key and own) or (step < 0 and not one.key and one.table == key):
                return one.line
        return 0
