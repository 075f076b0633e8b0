"""What of a run's findings goes into reports, which leave the machine: words and figures, and no rows."""

import re
from collections.abc import Iterable

_EXAMPLE = re.compile(r" \([^()]*\)$")


def reported(findings: Iterable[str], most: int) -> list[str]:
    """The findings without the lines of tables (predicted rows among them) and without the row that a failed check of a
    contract shows."""
    words = [line for line in findings if " | " not in line]
    return [_EXAMPLE.sub("", line) if line.startswith("contract:") else line for line in words][:most]
