"""The tool `register_dataset`."""

import uuid

from pydantic import Field

from mlsteward.answer import RunFindings
from mlsteward.data.postgres_address import POSTGRES, open_database
from mlsteward.data.remote import WEB, fetch_web, holds_secret, redacted
from mlsteward.data.sample_words import Words
from mlsteward.data.samples import sample_words
from mlsteward.data.secret_pipe import offer_secret
from mlsteward.data.sources import CONTENT_BYTES, SAMPLE, SourceOrder, check_source
from mlsteward.errors import InvalidArgument
from mlsteward.names import check_dataset_name
from mlsteward.runs.jobs.register import SHOWN, FoundRelationship, Request, Result
from mlsteward.runs.new_version import VersionPlan, plan_version
from mlsteward.server.declare import Call, Tool
from mlsteward.store.runs import Run
from mlsteward.store.transaction import Transaction


class RegisterAnswer(RunFindings):
    dataset: str = Field(default="", description="The version, as in flights@3.")
    new_version: bool = False
    rows: int | None = None
    columns: int | None = None
    suggested: dict[str, list[str]] = Field(
        default_factory=dict[str, list[str]], description="Columns by suggested role."
    )
    sensitive: dict[str, str] = Field(
        default_factory=dict[str, str], description="Columns that seem to hold personal data, and why: ask the person."
    )
    relationships: list[FoundRelationship] = Field(default_factory=list[FoundRelationship])
    warnings: list[str] = Field(default_factory=list[str])
    contract: list[str] = Field(default_factory=list[str], description="Checks of its contract that failed.")


def register_dataset(
    call: Call, name: str, source: str = "", content: str = "", description: str = "", wait_seconds: float = 20
) -> RegisterAnswer:
    """Register data under a name as an immutable version: snapshot, profile, dictionary, relationships.

    source: a file in a data folder (CSV, TSV, Parquet, JSON, Excel, also .gz/.zst/.zip; `file.duckdb#table`,
    `file.sqlite#table`, `file.xlsx#sheet`), a glob, http(s)://, s3://, postgresql://host/database#schema.table, or a
    sample such as sample:iris, sample:flights, sample:weather. Or content: a table pasted as CSV or JSON, at most
    256 KB. A name is a lower-case letter, then lower-case letters, digits and _. The same rows again make no new
    version.
    """
    order = _order(call, check_dataset_name(name), source.strip(), content, wait_seconds)
    sample = source.strip().removeprefix(SAMPLE) if source.strip().startswith(SAMPLE) else ""
    words = sample_words(sample) if sample else Words("", {})

    def plan(transaction: Transaction) -> VersionPlan:
        return plan_version(
            transaction,
            call.workspace.folder,
            name,
            description=description or words.table,
            source=order.shown,
            descriptions=words.columns,
            snapshot_limit_mb=order.limit_mb,
        )

    request = Request(source=order, plan=call.workspace.store.read(plan))
    number = call.workspace.runs.start(
        "register", request, actor=call.actor, name=name, params={"source": order.shown}, reason=description
    )
    return _answer(call.wait(number, wait_seconds))


def _order(call: Call, name: str, source: str, content: str, wait_seconds: float) -> SourceOrder:
    """What to read. A URL with credentials is fetched here and now: a run's request is kept, and no secret may be."""
    if bool(source) == bool(content.strip()):
        raise InvalidArgument("Give either a source or content.", next="list_datasets()")
    if len(content.encode()) > CONTENT_BYTES:
        raise InvalidArgument("The content has more than 256 KB. Put it into a file in a data folder and name that.")
    settings = call.settings
    folders = call.workspace.readable
    order = SourceOrder(
        text=source,
        content=content,
        folders=folders,
        allow_private_addresses=settings.allow_private_addresses,
        limit_mb=settings.snapshot_limit_mb,
    )
    if not content:
        check_source(source, folders)
    if source.startswith(POSTGRES):
        return _of_database(call, order)
    if not holds_secret(source):
        return order
    if not source.startswith(WEB):
        raise InvalidArgument("Credentials do not belong in a source: set them in the server's environment.")
    target = call.workspace.folder / "incoming" / uuid.uuid4().hex / redacted(source).rstrip("/?…").rpartition("/")[2]
    target.parent.mkdir(parents=True)
    fetch_web(
        source,
        target,
        allow_private=settings.allow_private_addresses,
        limit_mb=settings.snapshot_limit_mb,
        seconds=call.bounded(wait_seconds),
    )
    return order.model_copy(update={"text": redacted(source), "fetched": str(target)})


def _of_database(call: Call, order: SourceOrder) -> SourceOrder:
    """The table without its password, which the worker is handed when it begins."""
    settings = call.settings
    named = [one.get_secret_value() for one in settings.databases]
    database, password = open_database(order.text, named, allow_private=settings.allow_private_addresses)
    if password:
        database.secret = str(offer_secret(password, call.workspace.folder / "incoming"))
    return order.model_copy(update={"text": database.table.url(), "database": database})


def _answer(run: Run) -> RegisterAnswer:
    if run.state != "completed":
        return RegisterAnswer(
            verdict=f"{run.label} goes on: it registers `{run.name}`.",
            run=run.number,
            state=run.state,
            next=run.wait_on,
        )
    result = Result.model_validate(run.result)
    return RegisterAnswer(
        verdict=f"Registered {run.dataset}: {result.verdict}" if result.new_version else result.verdict,
        run=run.number,
        state=run.state,
        dataset=run.dataset,
        new_version=result.new_version,
        rows=result.rows,
        columns=result.columns,
        suggested={role: columns[:SHOWN] for role, columns in result.suggested.items()},
        sensitive=result.first_sensitive(),
        relationships=result.relationships[:SHOWN],
        warnings=result.first_warnings(run.name),
        contract=result.judged.lines(),
        findings=result.findings(run),
        next=result.next,
    )


TOOL = Tool(register_dataset, title="Register a dataset", toolset="data", read_only=False, idempotent=True)
