"""Checks as lines of text: what is understood, that it comes back the same, and how what is none is refused."""

import pytest

from mlsteward.contracts.check import Check, ContractColumn
from mlsteward.contracts.parse import read_check, read_checks
from mlsteward.contracts.rules import FORMS, KnownColumns
from mlsteward.contracts.text import check_text
from mlsteward.errors import InvalidArgument

TYPES = {
    "dep_delay": "DOUBLE",
    "arr_time": "BIGINT",
    "distance": "DOUBLE",
    "flight": "BIGINT",
    "carrier": "VARCHAR",
    "tailnum": "VARCHAR",
    "origin": "VARCHAR",
    "late": "BOOLEAN",
    "time_hour": "TIMESTAMP",
    "rows": "BIGINT",
    "Dep Time (s)": "DOUBLE",
    'odd "name", [x]': "VARCHAR",
}
COLUMNS = [ContractColumn(name=name, type=kind) for name, kind in TYPES.items()]
KNOWN = KnownColumns("flights", COLUMNS)


def read(text: str) -> Check:
    return read_check(text, KNOWN)


@pytest.mark.parametrize(
    "text",
    [
        *FORMS,
        "rows between 10 and 20",
        "rows not between 10 and 20 !info",
        "rows != 0",
        "nulls(dep_delay) = 0",
        "nulls(dep_delay) < 12.5%",
        "missing(dep_delay, -999, -1) <= 3",
        'missing(tailnum, "", "-999", true story) = 0',
        "duplicates(flight) <= 1%",
        "carrier in (UA, AA) with failing < 5",
        'carrier in ("9E", "A, B", "1", "true", Delta Air Lines Inc.) >= 99.9%',
        "late in (true, false)",
        "flight in (1, 2, 3.5)",
        "tailnum matches /a\\/b[/]?\\\\/",
        "tailnum matches /[\"')( !warning/ !warning",
        "distance > 0 and <= 5000 >= 99%",
        "distance >= 0",
        "distance < 1e+300",
        "carrier between A and UA",
        "time_hour >= 2013-01-01",
        "time_hour between 2013-01-01 and 2013-12-31 23:00:00 >= 99.9%",
        "freshness <= 36 hours",
        "freshness(time_hour) < 90 minutes",
        "(origin, time_hour) -> weather.(origin, time_hour) >= 95%",
        "nulls(dep_delay) within 2 points of previous",
        "distinct(carrier) within 10% of median",
        "rows within 5 of previous",
        "sql <= 5 rows: SELECT * FROM flights WHERE a != b",
        "sql < 1%: FROM flights WHERE arr_time < 0 !warning",
        "sql = 0: SELECT count(*) FROM flights",
        '"rows" between 0 and 1',
        'nulls("Dep Time (s)") = 0',
        'unique("odd ""name"", [x]", flight)',
        "[no time travel] arr_time >= 0 !info",
    ],
)
def test_a_check_comes_back_as_it_was_written(text: str) -> None:
    check = read(text)
    assert read(check_text(check)) == check
    assert check_text(read(check_text(check))) == check_text(check)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("Rows at least 1,000", "rows >= 1000"),
        ("ROW_COUNT >= 5", "rows >= 5"),
        ("dep_delay is not null", "nulls(dep_delay) = 0"),
        ("not_null(DEP_DELAY)", "nulls(dep_delay) = 0"),
        ("nulls(Dep Time (s)) <= 5 %", 'nulls("Dep Time (s)") <= 5%'),
        ("unique(flight) >= 99%", "duplicates(flight) <= 1%"),
        ("carrier in ('UA', \"AA\")", "carrier in (UA, AA)"),
        ("tailnum matches ^N\\d+$ for >= 99%", "tailnum matches /^N\\d+$/ >= 99%"),
        ("tailnum ~ '^N'", "tailnum matches /^N/"),
        ("carrier → airlines", "carrier -> airlines.carrier"),
        ("freshness(time_hour) <= 1 week", "freshness(time_hour) <= 7 days"),
        ("mean(dep_delay) within 5% from the previous version", "mean(dep_delay) within 5% of previous"),
        ("`nulls(carrier) = 0 ! warn`", "nulls(carrier) = 0 !warning"),
    ],
)
def test_what_means_the_same_is_written_one_way(text: str, canonical: str) -> None:
    assert check_text(read(text)) == canonical


def test_the_text_says_all_that_a_check_is() -> None:
    check = read("[short hauls] distance between 0 and 5000 >= 99% !warning")
    assert (check.name, check.type, check.columns, check.severity) == ("short hauls", "range", ["distance"], "warning")
    assert (check.minimum, check.maximum) == (0, 5000)
    assert (check.operator, check.threshold, check.unit) == ("must_be_less_or_equal_to", [1], "percent")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nulls(dep_dely) = 0", "Did you mean `dep_delay`"),
        ("foo", "Checks are written as"),
        ("carrier in ()", "The list of valid values is empty"),
        ("flight in (UA)", "flight holds numbers, and UA is none"),
        ("late in (maybe)", "true and false"),
        ("time_hour >= soon", "write `2013-01-31`"),
        ("dep_delay between 5 and 1", "No value lies between 5 and 1"),
        ("rows between 5 and 1", "5 is over 1"),
        ("distance >= 0 and >= 5", "Two ends on one side"),
        ("freshness(carrier) <= 1 day", "Did you mean `freshness(time_hour)`"),
        ("freshness(time_hour) >= 1 day", "Freshness is an age at most"),
        ("mean(carrier) within 3 of previous", "it has no mean"),
        ("rows(carrier) within 3 of previous", "rows stands alone"),
        ("nulls(carrier, NA) = 0", "missing(carrier, …)"),
        ("unique(flight, flight)", "named twice"),
        ("rows >= many", "is no comparison"),
        ("rows >= 5 days", "here it is in rows"),
        ("rows >= 5%", "here it is in rows"),
        ("nulls(carrier) <= 5 days", "here it is in rows or percent"),
        ("carrier in (UA) with failing <= 2 hours", "here it is in rows or percent"),
        ("freshness(time_hour) <= 5%", "here it is in minutes or hours or days"),
        ("distance <= 1e999", "larger than any number"),
        ("mean(dep_delay) within 1..2 of previous", "is no number"),
        ("carrier in (UA) <= 5%", "write `>= 99%`"),
        ("(origin, flight) -> weather.origin", "as many columns"),
        ("sql: DROP TABLE flights", "selects the rows that fail"),
        ('carrier in ("UA', "Checks are written as"),
        ("x" * 9000, "at most 8,000"),
    ],
)
def test_what_is_no_check_is_refused_in_words_that_help(text: str, words: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        read(text)
    assert words in refused.value.words()


def test_several_wrong_checks_are_said_at_once() -> None:
    with pytest.raises(InvalidArgument, match=r"2 checks: .*dep_dely.*is no check"):
        read_checks(["nulls(dep_dely) = 0", "rows >= 1", "foo"], "flights", COLUMNS)


def test_names_are_unique_and_the_same_check_twice_is_one() -> None:
    checks = read_checks(["nulls(carrier) = 0", "nulls(carrier) <= 5%", "nulls(carrier) = 0"], "flights", COLUMNS)
    assert [check.name for check in checks] == ["null_values(carrier)", "null_values(carrier) 2"]
    assert [read(check_text(check)) for check in checks] == checks
