"""How values read in the text of an answer."""

import pytest

from mlsteward.answer import Answer, cell, counted, interval, number


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.75731, "0.7573"),
        (12.0, "12"),
        (-0.0, "0"),
        (-3e-5, "-3e-05"),
        (0.000123456, "0.0001235"),
        (123456.7, "123457"),
        (1e20, "1e+20"),
        (float("inf"), "inf"),
        (float("nan"), "–"),
        (None, "–"),
    ],
)
def test_numbers_read_in_four_digits_and_without_exponents_where_they_can(value: float | None, text: str) -> None:
    assert number(value) == text


def test_a_value_without_an_interval_stands_alone() -> None:
    assert interval(0.5, 0.25, None) == "0.5"
    assert interval(0.5, 0.25, 0.75) == "0.5 [0.25, 0.75]"


def test_a_long_cell_is_cut_and_stays_on_one_line() -> None:
    assert cell("a\nb") == "a b"
    assert len(cell("x" * 500)) == 78


def test_one_is_counted_in_the_singular() -> None:
    assert counted(1, "model") == "1 model"
    assert counted(2, "model") == "2 models"


def test_an_answer_fits_by_its_bytes_in_both_forms_and_not_by_its_characters() -> None:
    # 1,400 characters, of three bytes each, once in the text and once in the data.
    wide = Answer(verdict="…" * 1_400)
    assert not wide.fits()
    assert wide.fits(9_000)
    assert Answer(verdict="x" * 1_400).fits()
