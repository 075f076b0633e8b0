"""Finding tools and pages: every module of `tools/` has a TOOL, every module of `resources/` its PAGES."""

import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType

import mlsteward.resources
import mlsteward.tools
from mlsteward.errors import InvalidArgument
from mlsteward.server.declare import Page, Tool


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda found: found.name):
        yield importlib.import_module(f"{package.__name__}.{module.name}")


def find_tools(*, toolsets: list[str], read_only: bool) -> list[Tool]:
    """The tools of these toolsets (all when none is named), without those that change things when `read_only`."""
    tools: list[Tool] = [module.TOOL for module in _modules(mlsteward.tools)]
    known = sorted({tool.toolset for tool in tools})
    if unknown := [name for name in toolsets if name not in known]:
        raise InvalidArgument(f"No toolset {', '.join(unknown)}; there are {', '.join(known)}.")
    return [
        tool
        for tool in tools
        if (not toolsets or tool.toolset in toolsets or tool.toolset == "pages") and (tool.read_only or not read_only)
    ]


def find_pages() -> list[Page]:
    """The pages of all modules, those with fewer variables first, so that a literal wins over a variable."""
    pages: list[Page] = [page for module in _modules(mlsteward.resources) for page in module.PAGES]
    return sorted(pages, key=lambda page: (len(page.template.variable_names), page.uri))
