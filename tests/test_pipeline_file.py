"""What a pipeline's file may say, and what is said of its mistakes."""

import pytest

from mlsteward.errors import InvalidArgument
from mlsteward.pipeline.findings import reported
from mlsteward.pipeline.spec import read_pipeline
from mlsteward.pipeline.values import fill
from mlsteward.server.discovery import find_tools
from mlsteward.server.pipeline_driver import check_arguments

WHOLE = '''
name = "nightly"
description = "every night"

[parameters]
source = "late.csv"
budget = 12

[[steps]]
do = "register"
name = "flights"
source = "${source}"

[[steps]]
do = "transform"
name = "clean"
sql = """
SELECT *
FROM flights  -- [[steps]] in a text is no step
"""

[[steps]]
do = "train"
target = "late"
cpu_budget = "${budget}"

[[steps]]
do = "train"
id = "second"
target = "late"
reuse = false

[[steps]]
do = "evaluate"
on_failure = "continue"
model = "${steps.train.model}"
'''


def wrong(text: str) -> list[str]:
    with pytest.raises(InvalidArgument) as raised:
        read_pipeline(text)
    return raised.value.message.splitlines()[1:]


def test_steps_come_in_order_each_with_an_id_its_line_and_the_arguments_of_its_tool() -> None:
    pipeline = read_pipeline(WHOLE)
    assert pipeline.name == "nightly"
    assert [step.id for step in pipeline.steps] == ["register", "transform", "train", "second", "evaluate"]
    assert [step.line for step in pipeline.steps] == [9, 14, 22, 27, 33]
    assert pipeline.steps[0].arguments == {"name": "flights", "source": "${source}"}
    assert (pipeline.steps[3].reuse, pipeline.steps[4].on_failure) == (False, "continue")


def test_a_pipeline_without_a_name_is_called_like_its_file() -> None:
    assert read_pipeline('[[steps]]\ndo = "check"\n', name="every_night").name == "every_night"


def test_every_mistake_is_told_with_its_line_and_what_was_close() -> None:
    found = wrong(
        """
nmae = "x"
[parameters]
a = []
[[steps]]
do = "trian"
on_failure = "stopp"
[[steps]]
do = "predict"
id = "Predict it"
reuse = "no"
model = "${steps.evaluat.model}"
[[steps]]
do = "evaluate"
"""
    )
    assert found[0].startswith("- line 2: the file takes name, description, parameters, steps, not `nmae`")
    assert "did you mean `name`" in found[0]
    assert found[1] == "- line 4: the parameter a is a text, a number, true or false."
    assert found[2].startswith("- line 6: do = 'trian' is none of register")
    assert "`train`" in found[2]
    assert found[3].startswith("- line 7: on_failure is")
    assert found[4].startswith("- line 8: ${steps.evaluat.model}: the step `evaluat` does not exist")
    assert found[5].startswith("- line 10: id = 'Predict it'")
    assert found[6] == "- line 11: reuse is true or false."


def test_a_text_that_is_no_toml_is_refused_with_its_line() -> None:
    with pytest.raises(InvalidArgument, match="line 2"):
        read_pipeline("name = 'x'\n[[steps\n")
    with pytest.raises(InvalidArgument, match="nested too deeply"):
        read_pipeline("x = " + "[" * 100_000)


@pytest.mark.parametrize("text", ["", "steps = 3", 'steps = ["train"]', "[steps]\ndo = 'train'"])
def test_a_file_without_steps_says_how_steps_are_written(text: str) -> None:
    assert any("[[steps]]" in line for line in wrong(text))


def test_a_step_cannot_refer_to_one_behind_it_or_share_an_id() -> None:
    steps = '[[steps]]\ndo = "check"\ndataset = "${steps.last.dataset}"\n[[steps]]\nid = "last"\ndo = "train"\n'
    assert wrong(steps) == ["- line 1: ${steps.last.dataset}: the step `last` comes no earlier than this one."]
    twice = '[[steps]]\nid = "a"\ndo = "check"\n[[steps]]\nid = "a"\ndo = "check"\n'
    assert wrong(twice) == ["- line 5: there is a step `a` already."]


def test_a_value_that_is_a_name_alone_keeps_its_type_and_within_text_it_becomes_text() -> None:
    known = {"budget": 12, "yes": True, "steps.train.model": "delay@2"}
    value = {"cpu": "${budget}", "name": "b-${budget}-${yes}", "models": ["${steps.train.model}"], "raw": "$${budget}"}
    assert fill(value, known, "here") == {
        "cpu": 12,
        "name": "b-12-true",
        "models": ["delay@2"],
        "raw": "${budget}",
    }


def test_a_name_that_nothing_gives_is_refused_with_what_was_close() -> None:
    with pytest.raises(InvalidArgument, match=r"here: `\$\{budgte\}` is neither.*`\$\{budget\}`"):
        fill("${budgte}", {"budget": 1}, "here")
    with pytest.raises(InvalidArgument, match="did not say"):
        fill("${steps.train.modle}", {"steps.train.model": "delay@2"}, "here")


def test_steps_are_held_to_the_arguments_of_their_tools() -> None:
    pipeline = read_pipeline(
        '[[steps]]\ndo = "train"\ntraget = "late"\n[[steps]]\ndo = "evaluate"\n[[steps]]\ndo = "gate"\n'
        'dry_run = false\n[[steps]]\ndo = "check"\nwait_seconds = 1\n'
    )
    with pytest.raises(InvalidArgument) as raised:
        check_arguments(pipeline, {tool.name: tool.parameters for tool in find_tools()})
    found = raised.value.message
    assert "step `train` (line 1): train has no `traget`" in found
    assert "did you mean `target`?" in found
    assert "step `train` (line 1): train needs `dataset`, `target`." in found
    assert "step `evaluate` (line 4): evaluate needs `dataset`." in found, "the model comes from the step before"
    assert "gate has no `dry_run`" in found
    assert "check has no `wait_seconds`" in found


def test_no_row_of_a_table_and_no_example_of_a_failed_check_goes_into_a_report() -> None:
    lines = ["auc 0.7", "row | name", "1 | Ann", "contract: error: age >= 0: 2 rows below (name Ann, age -1)"]
    assert reported(lines, 10) == ["auc 0.7", "contract: error: age >= 0: 2 rows below"]
