"""`mlsteward run`, and the examples of pipelines and CI as they stand."""

import re
import shlex
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from mlsteward.server.cli import build_parser, main
from tests.conftest import new_workspace

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture
def place(tmp_path: Path, warm: Path) -> list[str]:
    """The flags of a workspace of its own."""
    data = tmp_path / "data"
    data.mkdir()
    new_workspace(tmp_path / "workspace", data, warm).close()
    return ["--workspace", str(tmp_path / "workspace"), "--data", str(data)]


def test_the_example_runs_on_sample_data_and_leaves_its_reports(
    place: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    junit, summary = tmp_path / "reports" / "pipeline.xml", tmp_path / "reports" / "summary.md"
    words = ["run", str(EXAMPLES / "pipeline.toml"), *place, "--junit", str(junit), "--summary", str(summary)]
    code = main(words)
    printed = capsys.readouterr().out
    assert code == 0, printed
    assert "tumours_nightly passed: 6 steps." in printed
    assert re.search(r"✅ gate: passed \(run:\d+\)", printed)
    suite = ElementTree.fromstring(junit.read_text())[0]
    assert [case.get("name") for case in suite] == ["register", "check", "train", "evaluate", "gate", "predict"]
    assert summary.read_text().startswith("## ✅ tumours_nightly\n")


def test_a_no_is_an_exit_code_and_words_and_stands_in_the_reports(
    place: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("what stood there\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    monkeypatch.setenv("NEVER_MADE", "nobody")
    file = tmp_path / "no.toml"
    file.write_text('[[steps]]\ndo = "evaluate"\nmodel = "${NEVER_MADE}"\ndataset = "nothing"\n')
    assert main(["run", str(file), *place, "--summary", str(summary)]) == 4
    printed = capsys.readouterr().out
    assert "no broke at the step `evaluate`" in printed
    assert 'next: list_runs(kind="train")' in printed
    assert summary.read_text().startswith("what stood there\n## 💥 no\n")


def test_a_file_that_cannot_be_used_is_told_with_its_lines_and_in_the_reports(
    place: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, junit = tmp_path / "wrong.toml", tmp_path / "wrong.xml"
    file.write_text('[[steps]]\ndo = "train"\ntraget = "late"\ndataset = "x"\n')
    assert main(["run", str(file), *place, "--junit", str(junit)]) == 2
    assert "step `train` (line 1): train has no `traget`" in capsys.readouterr().err
    assert "traget" in junit.read_text()
    assert main(["run", str(tmp_path / "none.toml"), *place]) == 2
    file.write_text('[[steps]]\ndo = "check"\ndataset = "x"\n')
    assert main(["run", str(file), *place, "--set", "a"]) == 2
    assert main(["run", str(file), *place, "--set", "a=1"]) == 2
    assert "has no parameter 'a'" in capsys.readouterr().err
    assert main(["run", str(file), *place, "--read-only"]) == 2
    assert "--read-only is set" in capsys.readouterr().err


def workflow() -> dict[Any, Any]:
    return yaml.safe_load((EXAMPLES / "github_actions.yml").read_text("utf-8"))


def test_the_workflow_runs_on_pull_requests_with_few_rights_and_pinned_actions() -> None:
    found = workflow()
    # YAML takes the bare word `on` for true.
    assert "pull_request" in found[True]
    assert found["permissions"] == {"contents": "read"}
    (job,) = found["jobs"].values()
    used = [step["uses"] for step in job["steps"] if "uses" in step]
    assert len(used) == 4
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", one) for one in used)


def test_the_workflow_calls_commands_that_there_are_and_takes_nothing_of_a_pull_request_into_a_shell() -> None:
    (job,) = workflow()["jobs"].values()
    scripts = [step["run"] for step in job["steps"] if "run" in step]
    assert all("${{" not in script for script in scripts)
    ours = [shlex.split(script) for script in scripts if script.startswith("mlsteward")]
    assert len(ours) == 1
    given = build_parser(ours[0][1:]).parse_args(ours[0][1:])
    assert (given.command, given.file, given.junit) == ("run", "pipeline.toml", "reports/pipeline.xml")
    shown = [script for script in scripts if given.summary in script]
    assert len(shown) == 3, "written once, shown once, posted once"
