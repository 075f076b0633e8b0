"""Finding tools and pages: every module of `tools/` has a TOOL, every module of `resources/` its PAGES."""

import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType

import mlsteward.resources
import mlsteward.tools
from mlsteward.server.declare import Page, Tool


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda found: found.name):
        yield importlib.import_module(f"{package.__name__}.{module.name}")


def find_tools() -> list[Tool]:
    """The tool of every module."""
    return [module.TOOL for module in _modules(mlsteward.tools)]


def find_pages() -> list[Page]:
    """The pages of all modules, those with fewer variables first, so that a literal wins over a variable."""
    pages: list[Page] = [page for module in _modules(mlsteward.resources) for page in module.PAGES]
    return sorted(pages, key=lambda page: (len(page.template.variable_names), page.uri))
