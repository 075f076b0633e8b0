"""The policy file: what it says, and every mistake in it with its line."""

from pathlib import Path

import pytest

from mlsteward.errors import InvalidArgument
from mlsteward.gates.policy import DEFAULT_POLICY, Policy, read_policy
from mlsteward.gates.rules import Gates
from mlsteward.runs.policy import POLICY, workspace_policy
from mlsteward.workspace import Workspace
from tests.conftest import Assistant


def mistakes(text: str) -> list[str]:
    with pytest.raises(InvalidArgument) as raised:
        read_policy(text)
    return raised.value.message.splitlines()[1:]


def test_the_file_that_is_written_says_what_holds_without_it() -> None:
    assert read_policy(DEFAULT_POLICY.read_text(encoding="utf-8")) == Policy()
    assert read_policy("") == Policy()


def test_the_file_that_is_written_names_every_gate_and_every_limit() -> None:
    text = DEFAULT_POLICY.read_text(encoding="utf-8")
    for name, field in Gates.model_fields.items():
        assert f"[gates.{name}]" in text
        table = text.partition(f"[gates.{name}]")[2].partition("\n[")[0]
        rules = type(field.default)
        assert all(f"\n{limit} = " in table for limit in rules.model_fields), name


def test_the_default_is_written_at_first_use_and_never_over_what_is_there(tmp_path: Path) -> None:
    folder = tmp_path / "workspace"
    assert workspace_policy(folder) == Policy()
    assert (folder / POLICY).read_text() == DEFAULT_POLICY.read_text()
    (folder / POLICY).write_text("[approval]\npromote = false\n")
    assert workspace_policy(folder).approval.promote is False
    assert [path.name for path in folder.iterdir()] == [POLICY]


def test_what_is_said_of_one_model_holds_over_what_is_said_of_all() -> None:
    policy = read_policy(
        'guarded = true\n[gates.fairness]\nmost_difference = 0.2\ncolumns = ["a"]\n'
        '[models.delay.gates.fairness]\ncolumns = ["origin"]\n[models.delay.approval]\npromote = false\n'
    )
    fairness = policy.of("delay").gates.fairness
    assert (fairness.columns, fairness.most_difference) == (["origin"], 0.2)
    assert policy.of("delay").guards("blue")
    assert not policy.of("delay").approval.wants("promote", "champion")
    assert policy.of("other").gates.fairness.columns == ["a"]
    assert policy.of("other").approval.wants("promote", "champion")
    assert not policy.of("other").approval.wants("promote", "challenger")


def test_a_file_full_of_mistakes_is_told_line_by_line() -> None:
    found = mistakes(
        """
[gates.fairnes]
on = true
[gates.non_inferiority]
margin = "0.1"
marign = 3
on = "maybe"
undecided = "pass"
metric = "roc"
[gates.cost]
most_milliseconds = -3
[gates.worst_slice]
columns = "origin"
fewest_rows = 3.5
"""
    )
    assert found == [
        "line 2: `gates.fairnes` is not known: did you mean `fairness`?",
        'line 5: `gates.non_inferiority.margin` cannot be "0.1": it takes a number',
        "line 6: `gates.non_inferiority.marign` is not known: did you mean `margin`?",
        'line 7: `gates.non_inferiority.on` cannot be "maybe": it is true, false or "warn"',
        "line 8: `gates.non_inferiority.undecided` cannot be \"pass\": it is one of 'refuse' or 'warn'",
        'line 9: `gates.non_inferiority.metric` cannot be "roc": it is no metric; did you mean `roc_auc`?',
        "line 11: `gates.cost.most_milliseconds` cannot be -3: it is above 0",
        'line 13: `gates.worst_slice.columns` cannot be "origin": it takes a list, as in ["a", "b"]',
        "line 14: `gates.worst_slice.fewest_rows` cannot be 3.5: it takes a whole number",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[gates.thresholds]\nmin = { rmse = 3 }", "line 2: `gates.thresholds.min` is wrong: rmse is better when low"),
        ("[gates.thresholds]\nmin = { roc_auc = 70 }", "line 2: `gates.thresholds.min` is wrong: roc_auc is never"),
        ("[gates.thresholds]\nmin.roc_acu = 0.7", "line 2: `gates.thresholds.min.roc_acu` cannot be"),
        ("[gates.cost]\nmost_megabytes = nan", "line 2: `gates.cost.most_megabytes` cannot be nan"),
        ("[approval]\nby = []", 'line 1: `approval` is wrong: `by` is empty, so nobody could approve: name "host"'),
        ('[approval]\npromote = ["Champion"]', "Did you mean `champion`?"),
        ('[approval]\npromote = "champion"', "it takes true or false or a list"),
        ("[approval]\nexpires_hours = 0", "line 2: `approval.expires_hours` cannot be 0: it is above 0"),
        ("[models.Delay.gates.cost]\non = true", "line 1: `models.Delay` cannot be"),
        ("[models.delay]\ngate = 3", "line 2: `models.delay.gate` is not known: did you mean `gates`?"),
        ("[models.delay.gates.cost]\non = 1", "line 2: `models.delay.gates.cost.on` cannot be 1"),
        ("models = 3", "line 1: `models` cannot be 3: it takes a table"),
        ('"gates".cost = 3', "line 1: `gates.cost` cannot be 3: it takes a table"),
    ],
)
def test_each_mistake_says_where_it_stands_and_what_is_wrong(text: str, words: str) -> None:
    assert words in "\n".join(mistakes(text))


def test_what_is_no_toml_says_where_it_ends_to_be() -> None:
    with pytest.raises(InvalidArgument, match=r"The policy is no TOML: .*\(at line 2, column"):
        read_policy("[gates.cost]\non = yes\n")
    with pytest.raises(InvalidArgument, match="nested too deeply"):
        read_policy("x = " + "[" * 100_000)


@pytest.mark.anyio
async def test_the_page_shows_the_policy_and_what_is_wrong_with_it(workspace: Workspace, assistant: Assistant) -> None:
    page = (await assistant.call("read_page", uri="mlsteward://policy"))["content"]
    assert "It holds at the next promotion." in page
    (workspace.folder / POLICY).write_text("[gates.cots]\n")
    page = (await assistant.call("read_page", uri="mlsteward://policy"))["content"]
    assert "line 1: `gates.cots` is not known: did you mean `cost`?" in page
    (workspace.folder / POLICY).write_bytes(b"\xff\xfe")
    assert "no text in UTF-8" in await assistant.error("read_page", uri="mlsteward://policy")


def test_an_alias_that_is_nearly_the_champion_is_a_mistake_and_no_other_alias() -> None:
    with pytest.raises(InvalidArgument, match=r"line 2.*did you mean `champion`"):
        read_policy('[approval]\npromote = ["chmapion"]\n')
    assert read_policy('guarded = ["champion", "champion_europe"]\n').guards("champion_europe")
