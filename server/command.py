"""How a command of the command line is declared: one module of `server/commands/`, closing with its COMMAND."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass

from mlsteward.config import Settings

Arguments = Callable[[argparse.ArgumentParser, argparse.ArgumentParser], None]


@dataclass(frozen=True)
class Command:
    """`mlsteward NAME`: `run` gives the exit code and raises StewardErrors.

    `arguments(parser, common)` adds the command's own; parsers below it take `parents=[common]`.
    """

    name: str
    help: str
    arguments: Arguments
    run: Callable[[Settings, argparse.Namespace], int]
