"""Which columns a model uses and which are set aside."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris

from mlsteward.data.frames import column_of
from mlsteward.errors import UnusableData
from mlsteward.training.columns import ColumnPlan, Wishes, plan_columns
from mlsteward.training.leakage import Leaks, find_leaks
from mlsteward.training.options import SplitChoice, TrainOptions
from mlsteward.training.prepare import prepare
from mlsteward.training.signature import ColumnHint
from mlsteward.training.task import read_target
from tests.training_samples import orders, table_of


def plan(
    frame: pd.DataFrame, target: str = "large", hints: dict[str, ColumnHint] | None = None, **wishes: Any
) -> ColumnPlan:
    columns = table_of(frame).columns
    return plan_columns(frame, columns, target=target, hints=hints or {}, wishes=Wishes(**wishes))


def leaks(frame: pd.DataFrame, target: str, columns: list[str]) -> Leaks:
    family = "number" if frame[target].dtype.kind in "if" else "text"
    found = read_target(column_of(frame, target), family, name=target)
    kinds = plan(frame.filter([target, *columns]), target).kinds
    return find_leaks(frame, found, kinds)


def reasons(found: Leaks) -> dict[str, str]:
    return {one.name: one.reason for one in found.functions}


def test_each_kind_of_column_is_told_from_its_values():
    found = plan(orders(), exclude=["amount"])
    assert found.kinds == {
        "size": "number",
        "city": "category",
        "plan": "category",
        "express": "boolean",
        "ordered": "time",
        "note": "text",
    }


def test_identifiers_and_constants_are_set_aside_with_the_reason():
    aside = {one.name: one.reason for one in plan(orders()).set_aside}
    assert "identifier" in aside["order_id"]
    assert aside["shop"] == "has one value in all rows"


def test_a_column_known_only_after_the_prediction_is_set_aside():
    found = plan(orders(), hints={"amount": ColumnHint(available_at="after")})
    assert "only after" in {one.name: one.reason for one in found.set_aside}["amount"]


def test_an_identifier_that_features_names_is_used_and_noted():
    found = plan(orders(), features=["order_id", "size"])
    assert list(found.kinds) == ["order_id", "size"]
    assert "order_id" in found.notes[0]


def test_a_number_that_a_person_called_a_category_is_one():
    frame = orders()
    frame["zone"] = np.arange(len(frame)) % 9
    assert plan(frame).kinds["zone"] == "number"
    written = plan(frame, hints={"zone": ColumnHint(role="category", written=True)})
    assert written.kinds["zone"] == "category"


def test_infinite_values_are_said_to_be_treated_as_missing():
    frame = orders()
    frame.loc[3, "size"] = np.inf
    assert any("`size`" in note and "missing" in note for note in plan(frame).notes)


def test_nothing_left_to_learn_from_is_refused_with_the_reasons():
    frame = orders().filter(["order_id", "shop", "large"])
    with pytest.raises(UnusableData, match="identifier"):
        plan(frame)


def test_the_number_that_a_class_was_cut_from_is_a_function_of_the_target():
    generator = np.random.default_rng(1)
    frame = pd.DataFrame({"arr_delay": generator.normal(5, 40, 2000).round()})
    frame["dep_delay"] = (frame["arr_delay"] + generator.normal(0, 12, 2000)).round()
    frame["late"] = (frame["arr_delay"] > 15).astype(int)
    found = leaks(frame, "late", ["arr_delay", "dep_delay"])
    assert "changes at 16" in reasons(found)["arr_delay"]
    assert [one.name for one in found.strong] == ["dep_delay"]


def test_iris_petals_are_asked_about_and_not_set_aside():
    data: Any = load_iris(as_frame=True)
    frame: pd.DataFrame = data.frame
    petals = ["petal length (cm)", "petal width (cm)"]
    found = leaks(frame, "target", [name for name in frame.columns if name != "target"])
    assert not found.functions
    assert {one.name for one in found.strong} == set(petals)
    frame["target"] = (frame["target"] == 0).astype(int)
    found = leaks(frame, "target", petals)
    assert not found.functions
    assert {one.name for one in found.strong} == set(petals)


@pytest.mark.parametrize("copy", ["other words", "a level for several", "other numbers"])
def test_copies_of_a_class_are_set_aside(copy: str):
    frame = orders()
    tag = pd.Series(np.where(frame["large"] == "yes", "gross", "klein"))
    if copy == "a level for several":
        tag = tag + pd.Series(np.arange(len(frame)) % 3).astype(str)
    elif copy == "other numbers":
        tag = pd.Series(np.where(frame["large"] == "yes", 7, -1))
    frame["tag"] = tag
    assert "tag" in reasons(leaks(frame, "large", ["tag", "size"]))


@pytest.mark.parametrize("function", ["scale", "exp", "flag", "bins"])
def test_functions_of_a_number_are_set_aside(function: str):
    frame = orders()
    amount = frame["amount"].to_numpy()
    shadows = {"scale": 3 * amount + 2, "exp": np.exp(amount), "flag": amount > 3, "bins": np.floor(amount)}
    frame["shadow"] = shadows[function].astype(float)
    assert "shadow" in reasons(leaks(frame, "amount", ["shadow", "size"]))


def test_a_strong_but_honest_column_of_a_number_is_only_asked_about():
    frame = orders()
    frame["hint"] = frame["amount"] + np.random.default_rng(0).normal(0, 0.5, len(frame))
    found = leaks(frame, "amount", ["hint", "size"])
    assert not found.functions
    assert [one.name for one in found.strong] == ["hint"]


@pytest.mark.parametrize("classes", [2, 4, 0])
def test_a_category_that_says_nothing_of_the_target_is_not_asked_about(classes: int):
    random = np.random.default_rng(0)
    target = random.choice(["a", "b", "c", "d"][:classes], 600) if classes else random.normal(size=600)
    coin = random.choice(["high", "low"], 600)
    rare = np.array(["usual"] * 598 + ["rare"] * 2)
    found = leaks(pd.DataFrame({"y": target, "coin": coin, "rare": rare}), "y", ["coin", "rare"])
    assert not found.strong


@pytest.mark.parametrize("number", [True, False])
def test_a_category_that_says_nearly_all_is_asked_about(number: bool):
    random = np.random.default_rng(0)
    level = random.integers(0, 6, 600)
    target = level + random.normal(0, 0.6, 600) if number else np.where((level > 2) ^ (random.random(600) < 0.03), 1, 0)
    frame = pd.DataFrame({"y": target, "level": np.array(["p", "q", "r", "s", "t", "u"])[level]})
    assert [one.name for one in leaks(frame, "y", ["level"]).strong] == ["level"]


@pytest.mark.parametrize("number", [True, False])
def test_rows_of_a_customer_that_share_the_target_are_asked_about_unless_split_by_customer(number: bool):
    random = np.random.default_rng(0)
    customer = np.repeat(np.arange(200), 4)
    each = random.normal(size=200) if number else np.where(random.random(200) < 0.3, "left", "stays")
    frame = pd.DataFrame({"customer": [f"c{one}" for one in customer], "visits": random.poisson(4, 800)})
    frame["y"] = each[customer]
    options = TrainOptions(target="y")
    by_row, by_customer = SplitChoice(kind="row", why=""), SplitChoice(kind="group", column="customer", why="")
    for choice, asked in (by_row, True), (by_customer, False):
        questions = prepare(table_of(frame), options, choice).questions
        assert any('group_column="customer"' in each for each in questions) == asked


def test_rare_rows_that_chance_could_put_together_make_no_groups():
    frame = pd.DataFrame({"customer": [f"c{row // 2}" for row in range(600)], "y": ["no"] * 600})
    frame.loc[[0, 1, 100, 101, 200, 201], "y"] = "yes"
    assert not leaks(frame, "y", ["customer"]).groups


def test_the_prepared_problem_says_what_was_set_aside_and_asks():
    frame = orders()
    frame["hint"] = frame["amount"] + np.random.default_rng(0).normal(0, 0.5, len(frame))
    options = TrainOptions(target="amount")
    prepared = prepare(table_of(frame), options, SplitChoice(kind="row", why="its values"))
    assert "large" in {one.name for one in prepared.set_aside}
    assert "`hint`" in prepared.questions[0]
    assert "document_asset" in prepared.questions[0]
