"""How a delimited text file is written: delimiter, quoting, header. Told from its first records."""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

from mlsteward.errors import UnusableData

DELIMITERS = (",", "\t", ";", "|")
SAMPLE_CHARACTERS = 1 << 20
_RECORDS = 1_000
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d+)*|[.,]\d+)([eE][+-]?\d+)?")
_YEAR = re.compile(r"(19|20)\d\d")


@dataclass(frozen=True)
class Dialect:
    """`names` are the header's cells, or () when the first record is data already; `skip` lines come before."""

    delimiter: str
    escape: str
    names: tuple[str, ...]
    width: int
    skip: int = 0


def sniff_dialect(sample: str, *, whole: bool, delimiter: str = "") -> Dialect:
    """The dialect of a text that begins with `sample`; `whole` says that the sample is all of it.

    Raises UnusableData when there is no data: nothing at all, or a header alone.
    """
    skip = 0
    if declared := re.match(r"sep=(.)\r?\n", sample):
        delimiter, skip = declared[1], 1
        sample = sample[declared.end() :]
    if not sample.strip():
        raise UnusableData("The file is empty.")
    escape = "\\" if re.search(r'[^\\]\\"[^,;\t|\r\n]', sample) and '""' not in sample else '"'
    delimiter = delimiter or _delimiter(sample, escape, whole)
    records = _records(sample, delimiter, escape, whole)
    if not records:
        raise UnusableData("The file holds no record that can be read: a quote is opened and never closed.")
    header = _has_header(records)
    if header and whole and len(records) == 1:
        raise UnusableData(f"The file has a header ({', '.join(records[0][:5])}) and no row of data.")
    return Dialect(delimiter, escape, tuple(records[0]) if header else (), len(records[0]), skip)


def _delimiter(sample: str, escape: str, whole: bool) -> str:
    """The delimiter that cuts most records into as many cells as the first, and more cells rather than fewer."""
    best, best_score = ",", (0.0, 0)
    for delimiter in DELIMITERS:
        records = _records(sample, delimiter, escape, whole)
        width = len(records[0]) if records else 0
        if width < 2:
            continue
        score = (round(sum(len(record) == width for record in records) / len(records), 1), width)
        if score > best_score:
            best, best_score = delimiter, score
    return best


def _records(sample: str, delimiter: str, escape: str, whole: bool) -> list[list[str]]:
    """The first complete records that are not blank."""
    csv.field_size_limit(SAMPLE_CHARACTERS + 1)
    doubled = escape == '"'
    reader = csv.reader(
        io.StringIO(sample, newline=""),
        delimiter=delimiter,
        doublequote=doubled,
        escapechar=None if doubled else escape,
        skipinitialspace=True,
    )
    records: list[list[str]] = []
    for record in reader:
        if record:
            records.append(record)
        if len(records) > _RECORDS:
            return records[:_RECORDS]
    # The last record of a part of a file is cut somewhere.
    return records if whole or len(records) < 2 else records[:-1]


def _has_header(records: Sequence[Sequence[str]]) -> bool:
    """False when the first record looks like the others: numbers stand over numbers, and they are no years."""
    first, body = records[0], [record for record in records[1:200] if len(record) == len(records[0])]
    over = [cell.strip() for place, cell in enumerate(first) if _is_numeric([record[place] for record in body])]
    if not over:
        return True
    numbers = [cell for cell in over if _NUMBER.fullmatch(cell)]
    if len(numbers) < len([cell for cell in over if cell]) or not numbers:
        return True
    return len(set(numbers)) == len(numbers) and all(_YEAR.fullmatch(cell) for cell in numbers)


def _is_numeric(cells: Sequence[str]) -> bool:
    filled = [cell.strip() for cell in cells if cell.strip()]
    return bool(filled) and sum(bool(_NUMBER.fullmatch(cell)) for cell in filled) > 0.8 * len(filled)
