"""Rows of a call, checked against a model's signature."""

import math
from pathlib import Path

import pytest

from mlsteward.data.engine import connect, literal
from mlsteward.errors import InvalidArgument
from mlsteward.serving.rows import check_rows
from mlsteward.serving.scoring import write_rows
from mlsteward.training.signature import SignatureColumn

SIGNATURE = [
    SignatureColumn(name="distance", type="DOUBLE", kind="number", low=17, high=4983),
    SignatureColumn(name="seats", type="BIGINT", kind="number", low=2, high=450, nulls=3),
    SignatureColumn(name="carrier", type="VARCHAR", kind="category", levels=["UA", "AA"], distinct=2),
    SignatureColumn(name="weekend", type="BOOLEAN", kind="boolean"),
    SignatureColumn(name="departs", type="TIMESTAMP", kind="time"),
]
GOOD: dict[str, object] = {
    "distance": 500,
    "seats": 180,
    "carrier": "UA",
    "weekend": False,
    "departs": "2013-05-01T06:30:00",
}


def test_whole_numbers_that_no_integer_type_holds_are_written_as_numbers(tmp_path: Path) -> None:
    huge, path = {**GOOD, "seats": 10**30}, tmp_path / "rows.parquet"
    with connect(memory_mb=256, threads=1) as connection:
        write_rows(connection, check_rows([GOOD, huge], SIGNATURE).rows, SIGNATURE, path)
        found = connection.execute(f"SELECT seats FROM {literal(str(path))}").fetchall()
    assert found == [(180.0,), (1e30,)]


def refusal(*rows: dict[str, object]) -> str:
    with pytest.raises(InvalidArgument) as caught:
        check_rows(rows, SIGNATURE)
    return str(caught.value)


def test_good_rows_pass_without_a_note() -> None:
    checked = check_rows([GOOD, {**GOOD, "seats": None}], SIGNATURE)
    assert checked.notes == []
    assert checked.rows[0] == {
        "distance": "500.0",
        "seats": "180",
        "carrier": "UA",
        "weekend": "false",
        "departs": "2013-05-01 06:30:00",
    }
    assert checked.rows[1]["seats"] is None


def test_columns_may_be_spelled_in_any_case_and_values_as_text() -> None:
    row = {"DISTANCE": "500", "Seats": "180.0", "carrier": "AA", "weekend": "yes", "departs": "2013-05-01"}
    assert check_rows([row], SIGNATURE).rows[0]["seats"] == "180"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"distance": "far"}, 'row 2, distance: "far" is not a number'),
        ({"distance": True}, "row 2, distance: true is not a number"),
        ({"distance": math.nan}, "row 2, distance: nan is not a finite number"),
        ({"distance": "1e999"}, 'row 2, distance: "1e999" is not a finite number'),
        ({"distance": [1]}, "row 2, distance: [1] is not a single value"),
        ({"weekend": "maybe"}, 'row 2, weekend: "maybe" is neither true nor false'),
        ({"departs": "soon"}, 'row 2, departs: "soon" is no date or time'),
    ],
)
def test_each_wrong_value_is_named_by_row_and_column(change: dict[str, object], words: str) -> None:
    assert words in refusal(GOOD, {**GOOD, **change})


def test_a_missing_column_is_named_with_what_may_have_been_meant() -> None:
    row = {("dist" if name == "distance" else name): value for name, value in GOOD.items()}
    words = refusal(GOOD, row)
    assert "row 2: column `distance` is missing (is `dist` meant for it?)" in words


def test_all_that_is_wrong_is_told_at_once_up_to_a_number() -> None:
    words = refusal(*[{**GOOD, "distance": "far", "weekend": "maybe"}] * 10)
    assert "20 things are wrong in 10 rows" in words
    assert "and 10 more" in words
    assert len(words) < 2000


def test_unseen_categories_and_values_out_of_range_are_allowed_and_said() -> None:
    checked = check_rows([GOOD, {**GOOD, "carrier": "ZZ", "distance": 9000, "gate": 3}], SIGNATURE)
    assert "carrier: 'ZZ' (row 2) not seen in training" in checked.notes
    assert "distance: '9000.0' (row 2) outside 17 to 4983" in checked.notes
    assert "not used by the model: gate" in checked.notes


def test_a_null_where_training_had_none_is_allowed_and_said() -> None:
    rows: list[dict[str, object]] = [GOOD, *[{**GOOD, "weekend": None, "seats": None}] * 4]
    (note,) = check_rows(rows, SIGNATURE).notes
    assert note == "weekend: no value in row 2, row 3, row 4 and 1 more, which no row of training lacked"


def test_whole_numbers_name_a_category_without_decimals() -> None:
    signature = [SignatureColumn(name="zip", type="VARCHAR", kind="category", levels=["1010"], distinct=1)]
    assert check_rows([{"zip": 1010}, {"zip": 1010.0}], signature).notes == []


def test_numbers_beyond_single_precision_are_refused() -> None:
    assert "row 1, distance: 1e+300 is larger than" in refusal({**GOOD, "distance": 1e300})


def test_more_rows_than_fit_a_call_are_sent_to_a_dataset() -> None:
    assert "register them" in refusal(*[GOOD] * 1001)
