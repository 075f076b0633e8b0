"""The pages `mlsteward://runs/{number}` and `mlsteward://runs/{number}/artifacts/{file}`."""

import json
from pathlib import Path
from typing import Any

from mlsteward.answer import cell, counted, interval, markdown_table
from mlsteward.dictionary.comment import comments_section
from mlsteward.errors import NotFound, NotSupported, Refused
from mlsteward.names import close_names, parse_run
from mlsteward.runs.folder import RunFolder
from mlsteward.runs.job import ARTIFACTS
from mlsteward.runs.kinds import findings_of
from mlsteward.runs.mlflow_logging import MODELS
from mlsteward.runs.seen import seen_run
from mlsteward.server.declare import Page
from mlsteward.store.activity import Activity, activity_of
from mlsteward.store.approvals import Approval, approval_of_run
from mlsteward.store.comments import comments_of
from mlsteward.store.metrics import MetricRow, metrics_of, steps_of
from mlsteward.store.runs import Run, get_run, run_numbers
from mlsteward.store.transaction import Transaction
from mlsteward.workspace import Workspace

_MOST_BYTES = 4 << 20
_LOG_LINES = 30
_TEXTS = (".md", ".txt", ".json", ".jsonl", ".csv", ".html", ".log", ".yaml", ".yml")


def run_page(workspace: Workspace, number: str) -> str:
    """Everything recorded about a run: state, times, parameters, metrics, result, environment, artifacts, changes."""
    wanted = parse_run(number)
    workspace.runs.take_in()

    def read(t: Transaction) -> tuple[Run, list[MetricRow], list[MetricRow], list[Activity], Approval | None]:
        run = seen_run(t, wanted)
        return run, metrics_of(t, wanted), steps_of(t, wanted), activity_of(t, run.label), approval_of_run(t, wanted)

    run, metrics, steps, changes, approval = workspace.store.read(read)
    folder = RunFolder(workspace.runs.folder(run.number))
    lines = [f"# {run.label}: {run.kind}{' ' + run.name if run.name else ''}, {run.state}", ""]
    lines += [f"- {label}: {value}" for label, value in _facts(run) if value]
    lines += [f"- approval to {approval.action} {approval.asset}: {approval.line()}"] if approval else []
    if run.withheld:
        lines += ["", run.withheld]
    if run.error:
        lines += ["", "## What went wrong", "", run.error]
    lines += _section("Findings", [f"- {line.removeprefix('- ')}" for line in findings_of(run)])
    lines += _section("Parameters", markdown_table(("parameter", "value"), _members(run.params)))
    lines += _section(
        "Metrics",
        markdown_table(
            ("split", "metric", "value [95 %]", "steps"),
            [(m.split, m.name, interval(m.value, m.low, m.high), _count(steps, m)) for m in metrics],
        ),
    )
    lines += _section(
        "Artifacts",
        [
            *(f"- {_uri(run, file)} ({file.stat().st_size:,} bytes)" for file in _files(run, folder)),
            *_folders(run, folder),
        ],
    )
    result = json.dumps(run.result, indent=1, ensure_ascii=False) if run.result and not run.withheld else ""
    lines += _section("Result", ["```json", result, "```"] if result else [])
    lines += _section("Environment", markdown_table(("what", "version"), _members(dict(run.environment))))
    lines += comments_section(workspace.store.read(lambda t: comments_of(t, run.label)))
    lines += _section("Changes", [_change(change) for change in changes])
    log = "" if run.withheld else folder.log_tail(_LOG_LINES)
    lines += _section("End of the log", ["```", log, "```"] if log else [])
    return "\n".join(lines) + "\n"


def artifact_page(workspace: Workspace, number: str, file: str) -> str | bytes:
    """A file that a run left: a plot, a report, a table."""
    run = workspace.store.read(lambda t: get_run(t, parse_run(number)))
    if run.withheld:
        raise Refused(f"{run.withheld} Its files are not for your clearance ({workspace.clearance}).")
    files = {path.name: path for path in _files(run, RunFolder(workspace.runs.folder(run.number)))}
    if file not in files:
        listed = ", ".join(files) or "none"
        raise NotFound(f"{run.label} has no artifact {file!r}; it has {listed}.", close=close_names(file, files))
    path = files[file]
    if path.stat().st_size > _MOST_BYTES:
        raise NotSupported(f"{file} has {path.stat().st_size:,} bytes, too many for a page. It stands at {path}.")
    return path.read_text(encoding="utf-8", errors="replace") if path.suffix in _TEXTS else path.read_bytes()


def _facts(run: Run) -> list[tuple[str, str]]:
    by = f"{run.actor} with {run.client}" if run.client else run.actor
    took = [f"{run.wall_seconds:.3g} s" if run.wall_seconds is not None else ""]
    took += [f"{run.cpu_seconds:.3g} CPU seconds" if run.cpu_seconds is not None else ""]
    took += [f"{run.peak_memory_mb:.0f} MB at most" if run.peak_memory_mb is not None else ""]
    dataset = run.dataset.partition("@")[0]
    return [
        ("dataset", f"{run.dataset}, mlsteward://datasets/{dataset}" if dataset else ""),
        ("fingerprint", run.fingerprint),
        ("target", run.target),
        ("asked for", f"{run.created:%Y-%m-%d %H:%M:%S} UTC by {by or 'unknown'}"),
        ("reason", run.reason),
        ("started", f"{run.started:%Y-%m-%d %H:%M:%S} UTC" if run.started else ""),
        ("finished", f"{run.finished:%Y-%m-%d %H:%M:%S} UTC" if run.finished else ""),
        ("took", ", ".join(part for part in took if part)),
        ("tags", ", ".join(f"{name}={value}" for name, value in run.tags.items())),
    ]


def _section(title: str, lines: list[str]) -> list[str]:
    return ["", f"## {title}", "", *lines] if lines else []


def _members(members: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (name, cell(json.dumps(value) if isinstance(value, dict | list) else value)) for name, value in members.items()
    ]


def _count(steps: list[MetricRow], metric: MetricRow) -> int:
    return sum((step.split, step.name) == (metric.split, metric.name) for step in steps)


def _files(run: Run, folder: RunFolder) -> list[Path]:
    if run.withheld:
        return []
    artifacts = folder.path / "artifacts"
    return sorted(path for path in artifacts.iterdir() if path.is_file()) if artifacts.is_dir() else []


def _folders(run: Run, folder: RunFolder) -> list[str]:
    """What MLflow's clients log in folders, and the models they log: files that no page shows."""
    if run.withheld:
        return []
    there = [path for name in (ARTIFACTS, MODELS) for path in sorted((folder.path / name).glob("*")) if path.is_dir()]
    lines: list[str] = []
    for path in there:
        sizes = [file.stat().st_size for file in path.rglob("*") if file.is_file() and not file.is_symlink()]
        where = path.relative_to(folder.path.parent.parent).as_posix()
        lines.append(f"- {where}/ in the workspace ({counted(len(sizes), 'file')}, {sum(sizes):,} bytes)")
    return lines


def _uri(run: Run, file: Path) -> str:
    return f"mlsteward://runs/{run.number}/artifacts/{file.name}"


def _change(change: Activity) -> str:
    why = f": {change.why}" if change.why else ""
    return f"- {change.created:%Y-%m-%d %H:%M:%S} UTC {change.action} by {change.actor or 'unknown'}{why}"


def _numbers(workspace: Workspace, prefix: str) -> list[str]:
    return workspace.store.read(lambda t: run_numbers(t, prefix))


def _file_names(workspace: Workspace, prefix: str) -> list[str]:
    """Files that the newest runs left: which run is meant is not told when a name is completed."""
    newest = [int(number) for number in _numbers(workspace, "")[:20]]
    runs = workspace.store.read(lambda t: [get_run(t, number) for number in newest])
    found = [file.name for run in runs for file in _files(run, RunFolder(workspace.runs.folder(run.number)))]
    return sorted({name for name in found if name.startswith(prefix)})


PAGES = [
    Page("mlsteward://runs/{number}", run_page, title="A run", complete={"number": _numbers}),
    Page(
        "mlsteward://runs/{number}/artifacts/{file}",
        artifact_page,
        title="A file of a run",
        mime_type="text/plain",
        complete={"number": _numbers, "file": _file_names},
    ),
]
