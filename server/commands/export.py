"""`mlsteward export FORMAT …`: what is known here, in the formats that others read."""

import argparse

from mlsteward.config import Settings
from mlsteward.server.command import Command


def _arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    formats = parser.add_subparsers(dest="format", metavar="FORMAT", required=True)
    for name, words in _OF_DATASETS.items():
        one = formats.add_parser(name, parents=[common], help=words)
        one.add_argument("dataset", help="flights, flights@3 or flights@golden")
        one.add_argument("file", nargs="?", default="-", help="where to write it (default: standard output)")
    lineage = formats.add_parser("openlineage", parents=[common], help="runs as OpenLineage events, a line each")
    lineage.add_argument("--since", default="", metavar="DATE", help="only runs made since then")
    lineage.add_argument("--to", default="-", metavar="FILE|URL", help="where to (default: standard output)")


def _run(settings: Settings, given: argparse.Namespace) -> int:
    if given.format == "openlineage":
        from mlsteward.server.lineage_command import export_events

        return export_events(settings, since=given.since, to=given.to)
    raise NotImplementedError


_OF_DATASETS = {
    "odcs": "contract and dictionary as an Open Data Contract Standard document (YAML)",
    "croissant": "rows and columns as a Croissant document (JSON-LD)",
    "markdown": "the data sheet: dictionary, contract, versions, relationships",
}

COMMAND = Command("export", "write what is known of a dataset in a standard format", _arguments, _run)
