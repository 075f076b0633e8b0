"""The tool `list_datasets`."""

from pydantic import Field

from mlsteward.answer import Answer, counted, fitting, table
from mlsteward.data.paths import list_files
from mlsteward.errors import InvalidArgument
from mlsteward.names import suggest_name
from mlsteward.record import Record
from mlsteward.server.declare import Call, Tool
from mlsteward.store.datasets import DatasetSummary, registered_sources, summaries
from mlsteward.store.tags import Tag, all_tags

_FILES = 12
_ROOM = 5_400
_FILES_ROOM = 1_800


class ListedDataset(Record):
    dataset: str = Field(description="Its newest version, as in flights@3.")
    rows: int
    columns: int
    source: str = ""
    registered: str
    description: str = ""
    tags: str = Field(default="", description="Tagged versions, as in golden@2.")


class ListedFile(Record):
    source: str = Field(description="What to pass to register_dataset.")
    bytes: int


class DatasetsAnswer(Answer):
    datasets: list[ListedDataset]
    total: int
    cursor: str = Field(default="", description="Pass it on for more.")
    files: list[ListedFile] = Field(default=[], description="Files that could be registered, newest first.")
    files_total: int = 0

    def body(self) -> list[str]:
        rows = [
            (one.dataset, one.rows, one.columns, one.registered, one.tags, one.description) for one in self.datasets
        ]
        more = self.files_total - len(self.files)
        return [
            *table(("dataset", "rows", "columns", "registered", "tags", "description"), rows),
            f'more: list_datasets(cursor="{self.cursor}")' if self.cursor else "",
            "Files that could be registered:" if self.files else "",
            *(f"{file.source} ({file.bytes:,} bytes)" for file in self.files),
            f"and {counted(more, 'more file')}" if more > 0 else "",
        ]


def list_datasets(call: Call, limit: int = 20, cursor: str = "") -> DatasetsAnswer:
    """List the registered datasets with their newest versions, and files in the data folders not registered yet."""
    start = _position(cursor)
    size = min(max(limit, 1), 30)
    store = call.workspace.store
    total, found = store.read(lambda transaction: summaries(transaction, limit=size, offset=start))
    tags = store.read(all_tags)
    known = store.read(registered_sources)
    folders = call.workspace.readable
    uploads = call.workspace.uploads
    everything = list_files([*folders.data, *([uploads] if uploads.is_dir() else [])])
    files = [path for path in everything if folders.shown(path) not in known and str(path) not in known]
    datasets = fitting([_listed(one, tags) for one in found], _ROOM)
    offered = [ListedFile(source=folders.shown(path), bytes=path.stat().st_size) for path in files[:_FILES]]
    end = start + len(datasets)
    return DatasetsAnswer(
        verdict=_verdict(total, len(files), bool(folders.data)),
        datasets=datasets,
        total=total,
        cursor=str(end) if end < total else "",
        files=fitting(offered, _FILES_ROOM) if not start else [],
        files_total=len(files),
        next=_next(found[0].name if found else "", offered[0].source if offered else ""),
    )


def _listed(one: DatasetSummary, tags: list[Tag]) -> ListedDataset:
    return ListedDataset(
        dataset=one.label,
        rows=one.rows,
        columns=one.columns,
        source=one.source[-80:],
        registered=f"{one.created:%Y-%m-%d %H:%M}",
        description=one.description[:80],
        tags=", ".join(f"{tag.tag}@{tag.version}" for tag in tags if tag.dataset == one.name)[:120],
    )


def _position(cursor: str) -> int:
    if cursor and not cursor.isdigit():
        raise InvalidArgument(f"{cursor!r} is no cursor of list_datasets.", next="list_datasets()")
    return int(cursor or 0)


def _verdict(total: int, files: int, has_folders: bool) -> str:
    there = f"{counted(total, 'dataset')} registered" if total else "No dataset is registered yet"
    if not has_folders:
        return f"{there}; no data folder is set (start the server with `--data /path/to/folder`)."
    return f"{there}; {counted(files, 'file')} in the data folders could be."


def _next(name: str, file: str) -> str:
    if name:
        return f'profile_dataset(dataset="{name}")'
    if file:
        suggested = suggest_name(file.rpartition("/")[2].partition(".")[0])
        return f'register_dataset(name="{suggested}", source="{file}")'
    return 'register_dataset(name="iris", source="sample:iris")'


TOOL = Tool(list_datasets, title="List datasets", toolset="data", read_only=True, idempotent=True)
