"""`mlsteward export FORMAT …`: what is known here, in the formats that others read."""

import argparse
import json
import sys
from pathlib import Path

from mlsteward.config import Settings
from mlsteward.errors import InvalidArgument
from mlsteward.exchange.croissant import write_croissant
from mlsteward.exchange.markdown import write_markdown
from mlsteward.exchange.odcs_write import write_odcs
from mlsteward.exchange.sheet import Sheet
from mlsteward.exchange.yaml_text import write_yaml
from mlsteward.server.command import Command, remember
from mlsteward.store.sheets import sheet_of
from mlsteward.workspace import Workspace


def _arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    formats = parser.add_subparsers(dest="format", metavar="FORMAT", required=True)
    for name, words in _OF_DATASETS.items():
        one = formats.add_parser(name, parents=[common], help=words)
        one.add_argument("dataset", help="flights, flights@3 or flights@golden")
        one.add_argument("file", nargs="?", default="-", help="where to write it (default: standard output)")
    lineage = formats.add_parser("openlineage", parents=[common], help="runs as OpenLineage events, a line each")
    lineage.add_argument("--since", default="", metavar="DATE", help="only runs made since then")
    lineage.add_argument("--to", default="-", metavar="FILE|URL", help="where to (default: standard output)")
    mlflow = formats.add_parser("mlflow", parents=[common], help="runs, models and versions to an MLflow server")
    mlflow.add_argument("uri", metavar="URI", help="http(s)://HOST:PORT")
    mlflow.add_argument("--only", action="append", default=[], metavar="RUN", help="this run alone; repeatable")


def _run(settings: Settings, given: argparse.Namespace) -> int:
    if given.format == "mlflow":
        from mlsteward.server.mlflow.transfer import export_mlflow

        return export_mlflow(settings, given.uri, given.only)
    if given.format == "openlineage":
        from mlsteward.server.lineage_command import export_events

        return export_events(settings, since=given.since, to=given.to)
    return export(settings, given.format, given.dataset, given.file)


def export(settings: Settings, format: str, dataset: str, file: str = "-") -> int:
    """Write the document to `file`, as a reader of the settings' clearance sees the dataset."""
    workspace = Workspace(settings)
    try:
        sheet = workspace.seen_by(settings.clearance).store.read(lambda t: sheet_of(t, dataset))
        where = "standard output" if file == "-" else file
        remember(workspace, "export", f"dataset:{sheet.label}", f"{format} to {where}")
    finally:
        workspace.close()
    text = _document(format, sheet)
    if file == "-":
        sys.stdout.write(text)
    else:
        try:
            Path(file).expanduser().write_text(text, encoding="utf-8")
        except OSError as error:
            raise InvalidArgument(f"{file} cannot be written: {error.strerror}.") from error
        sys.stderr.write(f"Wrote {sheet.label} to {file}.\n")
    return 0


def _document(format: str, sheet: Sheet) -> str:
    if format == "odcs":
        return write_yaml(write_odcs(sheet))
    if format == "croissant":
        return json.dumps(write_croissant(sheet), indent=2, ensure_ascii=False) + "\n"
    return write_markdown(sheet)


_OF_DATASETS = {
    "odcs": "contract and dictionary as an Open Data Contract Standard document (YAML)",
    "croissant": "rows and columns as a Croissant document (JSON-LD)",
    "markdown": "the data sheet: dictionary, contract, versions, relationships",
}

COMMAND = Command("export", "write what is known of a dataset in a standard format", _arguments, _run)
