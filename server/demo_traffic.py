"""What an application asks of the demo's endpoint: flights of April, on which nothing was fitted, and their fate."""

import csv
import io
import json
import urllib.request
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from mlsteward.data.samples import sample_file

ROWS_A_REQUEST = 20
_NUMBERS = ("flight", "distance", "month", "day", "hour", "sched_dep_time", "sched_arr_time")
_TEXTS = ("carrier", "tailnum", "origin", "dest", "time_hour")
# One in so many flights, so that a few hundred of them are those of several days.
_EVERY = 7
_KILOMETRES = 1.609


@dataclass(frozen=True)
class Flight:
    """What is known before departure, and whether the flight came more than 15 minutes late."""

    row: dict[str, Any]
    late: bool


def april(count: int, *, skip: int = 0, kilometres: bool = False) -> list[Flight]:
    """`count` flights, after `skip` others; with `kilometres` somebody has sent those instead of miles."""
    flights = list(islice(_landed(), skip, skip + count))
    if kilometres:
        for flight in flights:
            flight.row["distance"] = round(flight.row["distance"] * _KILOMETRES)
    return flights


def ask(address: str, flights: Sequence[Flight]) -> list[str]:
    """Have the endpoint predict them, some to a request; the ids of the predictions."""
    ids: list[str] = []
    for start in range(0, len(flights), ROWS_A_REQUEST):
        body = json.dumps({"rows": [flight.row for flight in flights[start : start + ROWS_A_REQUEST]]}).encode()
        request = urllib.request.Request(
            f"{address}/predict", data=body, headers={"Content-Type": "application/json"}, method="POST"
        )
        with urllib.request.urlopen(request) as response:
            ids += [one["prediction_id"] for one in json.load(response)["predictions"]]
    return ids


def write_outcomes(file: Path, ids: Sequence[str], flights: Sequence[Flight]) -> None:
    """How the flights went, as whoever sees them land would send it."""
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(["prediction_id", "late"])
        writer.writerows([number, str(flight.late).lower()] for number, flight in zip(ids, flights, strict=True))


def _landed() -> Iterator[Flight]:
    with zipfile.ZipFile(sample_file("flights", Path())) as archive, archive.open(archive.namelist()[0]) as raw:
        rows = csv.DictReader(io.TextIOWrapper(raw, encoding="utf-8"))
        wanted = (row for row in rows if row["month"] == "4" and _known(row["arr_delay"]) and _known(row["tailnum"]))
        for row in islice(wanted, 0, None, _EVERY):
            yield Flight(_before_departure(row), float(row["arr_delay"]) > 15)


def _known(cell: str) -> bool:
    return cell not in ("", "NA")


def _before_departure(row: Mapping[str, str]) -> dict[str, Any]:
    instant = row["time_hour"].replace("T", " ").removesuffix("Z")
    numbers = {name: int(float(row[name])) for name in _NUMBERS}
    return {**numbers, **{name: row[name] for name in _TEXTS}, "time_hour": instant}
