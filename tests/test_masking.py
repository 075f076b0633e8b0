"""A reader without clearance tries every way there is to see a masked column, and sees nothing of it."""

import base64
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp_types import CallToolResult, ImageContent

from mlsteward.data.engine import quote
from tests.conftest import Assistant, assistant_of, new_workspace, text_of
from tests.masked_house import EMAIL, ILLNESS, SALARY, SECRETS, House, furnish

pytestmark = pytest.mark.anyio

# Statements that would show a secret to whoever may see it.
SELECTS = [
    "SELECT email FROM people WHERE id = 1",
    "SELECT * FROM people WHERE id = 1",
    'SELECT email, contact FROM "people@1" WHERE id = 1',
    "SELECT max(salary) FROM people",
    "SELECT min(email), max(email) FROM people",
    "SELECT string_agg(email, ',' ORDER BY id) FROM (FROM people LIMIT 3)",
    "SELECT list(email ORDER BY id)[1:2] FROM people",
    "SELECT array_agg(salary ORDER BY salary DESC)[1] FROM people",
    "SELECT first(email ORDER BY id) FROM people",
    "SELECT any_value(illness) FROM people WHERE id = 1",
    "SELECT mode(illness) FROM (FROM people LIMIT 30)",
    "SELECT arg_max(email, salary) FROM people",
    "SELECT max_by(illness, salary) FROM people",
    "SELECT quantile_disc(salary, 1.0) FROM people",
    "SELECT approx_quantile(salary, 1.0) FROM people",
    "SELECT histogram(illness) FROM people",
    "SELECT sum(salary) FILTER (id = 1) FROM people",
    "SELECT salary + 0.0 FROM people WHERE id = 1",
    "SELECT CAST(email AS VARCHAR) || '' FROM people WHERE id = 1",
    "SELECT CAST(email AS INTEGER) FROM people WHERE id = 1",
    "SELECT CAST(email AS DATE) FROM people WHERE id = 1",
    "SELECT TRY_CAST(salary AS VARCHAR) FROM people WHERE id = 1",
    "SELECT strptime(email, '%Y') FROM people WHERE id = 1",
    "SELECT error(email) FROM people WHERE id = 1",
    "SELECT 1 / (salary - salary) , email FROM people WHERE id = 1",
    "SELECT CAST(salary AS TINYINT) FROM people WHERE id = 1",
    "SELECT p.email FROM people AS p JOIN people AS q ON p.email = q.email WHERE p.id = 1",
    "SELECT p.email FROM people AS p LEFT JOIN derived AS d USING (id) WHERE id = 1",
    "SELECT e2 FROM derived WHERE id = 1",
    "SELECT double_pay / 2 FROM derived WHERE id = 1",
    "SELECT illness, prediction FROM scored WHERE id = 1",
    "SELECT regexp_extract(email, '.*') FROM people WHERE id = 1",
    "SELECT left(email, 10) || right(email, 15) FROM people WHERE id = 1",
    "SELECT lag(email) OVER (ORDER BY id) FROM people LIMIT 2",
    "SELECT first_value(email) OVER (ORDER BY id) FROM people LIMIT 1",
    "SELECT nth_value(salary, 1) OVER (ORDER BY salary DESC) FROM people LIMIT 1",
    "SELECT COLUMNS(*) FROM people WHERE id = 1",
    "SELECT COLUMNS('e.*l') FROM people WHERE id = 1",
    "SELECT COLUMNS(c -> c LIKE 'sal%') FROM people WHERE id = 1",
    "SELECT * EXCLUDE (id) FROM people WHERE id = 1",
    "SELECT * REPLACE (upper(email) AS city) FROM people WHERE id = 1",
    "SELECT * RENAME (email AS city2) FROM people WHERE id = 1",
    "SELECT people FROM people WHERE id = 1",
    "SELECT t FROM people t WHERE id = 1",
    "SELECT to_json(t) FROM people t WHERE id = 1",
    "SELECT row(t.*) FROM people t WHERE id = 1",
    "SELECT struct_pack(a := email, b := salary) FROM people WHERE id = 1",
    "SELECT {'a': email} FROM people WHERE id = 1",
    "SELECT t.email FROM (SELECT unnest([p]) AS t FROM people p WHERE id = 1)",
    "SELECT unnest(t) FROM (SELECT p AS t FROM people p WHERE id = 1)",
    "SELECT #4 FROM (FROM people) WHERE id = 1",
    "FROM people SELECT email WHERE id = 1 ORDER BY salary DESC",
    "SELECT email FROM people USING SAMPLE 100%",
    "SELECT email FROM people TABLESAMPLE reservoir(1000)",
    "PIVOT people ON illness IN ('zebrafever', 'flu') USING max(email)",
    "UNPIVOT people ON email, illness INTO NAME n VALUE v",
    "SUMMARIZE people",
    'SUMMARIZE "people@1"',
    "SUMMARIZE SELECT email, salary FROM people",
    "DESCRIBE people",
    "WITH x AS (SELECT * FROM people) SELECT max(email), max(salary) FROM x",
    "WITH RECURSIVE x AS (SELECT id, email FROM people WHERE id = 1 UNION SELECT 2, email FROM x) FROM x",
    "SELECT email FROM people UNION SELECT illness FROM people",
    "SELECT (SELECT email FROM people WHERE id = 1)",
    "SELECT id FROM people WHERE email IN (SELECT e2 FROM derived) LIMIT 1",
    "SELECT illness, count(*) FROM people GROUP BY illness",
    "SELECT salary FROM people ORDER BY salary DESC LIMIT 1",
    "SELECT DISTINCT ON (illness) illness, email FROM people",
    "SELECT list_transform(list(email), x -> upper(x)) FROM people WHERE id = 1",
    "SELECT reduce(list(email), (a, b) -> a || b) FROM (FROM people LIMIT 2)",
    "SELECT format('{}', email) FROM people WHERE id = 1",
    "SELECT hash(email) = hash('vip.secret@hidden.example'), email FROM people WHERE id = 1",
    "SELECT coalesce(email, illness, salary::VARCHAR) FROM people WHERE id = 1",
    "SELECT * FROM people POSITIONAL JOIN derived LIMIT 1",
    "SELECT * FROM people ASOF JOIN derived USING (id) LIMIT 1",
    "SELECT e.value FROM people AS p, json_each(to_json(p)) AS e WHERE p.id = 1",
]
# Statements about the store, or that reach for files.
ASIDE = [
    "SELECT * FROM meta.columns WHERE dataset = 'people'",
    "SELECT params, error, reason, tags FROM meta.runs",
    "SELECT sql, fingerprint, source FROM meta.dataset_versions",
    "SELECT * FROM meta.datasets",
    "SELECT * FROM meta.models",
    "SELECT * FROM meta.relationships",
    "SELECT * FROM meta.activity",
    "SELECT * FROM meta.contracts",
    "SUMMARIZE meta.runs",
    "SELECT * FROM read_parquet('objects/*/*.parquet')",
    "SELECT * FROM parquet_metadata('objects/*/*.parquet')",
    "SELECT * FROM 'people.csv'",
    "SELECT * FROM read_csv('people.csv')",
    "SELECT * FROM duckdb_views()",
    "SELECT sql FROM sqlite_master",
    "COPY people TO 'out.csv'",
    "EXPLAIN ANALYZE SELECT email FROM people",
]


def _read_all() -> list[tuple[str, dict[str, Any]]]:
    """Calls that read what somebody with more clearance left."""
    runs = "transform train ill pay evaluate explain predict predict_pay drift diff check check_contract failed logged"
    pages = [
        "datasets/people", "datasets/people@1", "datasets/derived", "datasets/scored", "dictionary/people",
        "dictionary/derived", "models/churn", "models/ill", "models/pay", "health/people", "contracts/people",
        "terms/top_pay",
    ]  # fmt: skip
    files = [
        ("evaluate", "evaluation.md"), ("explain", "explanation.md"), ("drift", "drift.md"), ("drift", "drift.png"),
        ("logged", "notes.txt"), ("train", "test_predictions.parquet"), ("diff", "changed.csv"),
    ]  # fmt: skip
    return [
        *(("get_run", {"run": f"run:<{run}>"}) for run in runs.split()),
        *(("read_page", {"uri": f"mlsteward://runs/<{run}>"}) for run in runs.split()),
        *(("read_page", {"uri": f"mlsteward://runs/<{run}>/artifacts/{file}"}) for run, file in files),
        *(("read_page", {"uri": f"mlsteward://{page}"}) for page in pages),
        ("profile_dataset", {"dataset": "people", "columns": ["email", "salary", "illness"]}),
        ("profile_dataset", {"dataset": "people@1", "columns": ["contact"]}),
        ("profile_dataset", {"dataset": "derived"}),
        ("lookup_data_dictionary", {"dataset": "people"}),
        ("lookup_data_dictionary", {"query": "people.illness"}),
        ("lookup_data_dictionary", {"query": "zebra"}),
        ("lookup_data_dictionary", {"query": "top pay"}),
        ("list_runs", {"kind": ""}),
        ("list_runs", {"where": f"params.who = '{EMAIL}'"}),
        ("compare_runs", {"runs": ["<train>", "<logged>"]}),
        ("list_models", {}),
        ("list_models", {"name": "ill"}),
        ("list_alerts", {}),
        ("list_activity", {}),
        ("trace_lineage", {"asset": "derived.e2"}),
        ("trace_lineage", {"asset": "people.illness"}),
    ]


def _work_all() -> list[tuple[str, dict[str, Any]]]:
    """Calls that start work of the reader's own on what is masked."""
    row = {"age": 30, "city": "Oslo", "salary": 98765432, "illness": ILLNESS}
    return [
        ("train_model", {"dataset": "people", "target": "illness"}),
        ("train_model", {"dataset": "people", "target": "Salary"}),
        ("train_model", {"dataset": "people", "target": "churned", "features": ["salary", "age"]}),
        ("train_model", {"dataset": "people", "target": "churned", "group_column": "illness"}),
        ("train_model", {"dataset": "people", "target": "churned", "weight_column": "salary"}),
        ("train_model", {"dataset": "people", "target": "churned", "estimator": "logistic_regression"}),
        ("evaluate_model", {"model": "churn", "dataset": "people", "slices": ["illness"]}),
        ("evaluate_model", {"model": "ill", "dataset": "people"}),
        ("explain_model", {"model": "churn", "rows": [1]}),
        ("explain_model", {"model": "churn", "rows": [row]}),
        ("explain_model", {"model": "ill"}),
        ("predict_rows", {"model": "churn", "dataset": "people"}),
        ("predict_rows", {"model": "churn", "rows": [row]}),
        ("predict_rows", {"model": "ill", "rows": [{"age": 30, "city": "Oslo"}]}),
        ("predict_rows", {"model": "pay", "rows": [{"age": 30}]}),
        ("predict_rows", {"model": "ill", "rows": [{"age": "x"}]}),
        ("check_drift", {"current": "people", "reference": "people@1", "columns": ["salary"]}),
        ("check_drift", {"current": "people", "reference": "people@1", "by": "illness"}),
        ("check_drift", {"current": "people", "reference": "people@1", "group": "email"}),
        ("check_drift", {"current": "people", "reference": "people@1", "multivariate": True}),
        ("check_drift", {"model": "churn", "current": "people@1"}),
        ("compare_datasets", {"reference": "people@1", "current": "people", "key": "id"}),
        ("compare_datasets", {"reference": "people", "current": "people@1", "key": "email"}),
        ("check_data", {"dataset": "people"}),
        ("set_contract", {"dataset": "people", "dry_run": True}),
        ("set_contract", {"dataset": "people", "checks": [f"illness in ({ILLNESS})"], "dry_run": True}),
        ("select_rows_to_label", {"dataset": "people", "model": "churn", "n": 5}),
        ("select_rows_to_label", {"dataset": "people", "n": 5}),
        ("transform_dataset", {"name": "mine1", "sql": "SELECT * FROM people"}),
        ("transform_dataset", {"name": "mine2", "sql": "SELECT email AS city FROM people"}),
        ("transform_dataset", {"name": "mine3", "sql": "SELECT to_json(p) AS x FROM people p"}),
        ("transform_dataset", {"name": "mine4", "sql": "SELECT COLUMNS('e.*l') FROM people"}),
        ("transform_dataset", {"name": "derived"}),
        ("define_term", {"term": "spy", "definition": "x", "sql": "SELECT max(email) FROM people"}),
        ("log_run", {"name": "spy", "artifacts": ["people.csv"]}),
        ("log_run", {"name": "spy2", "artifacts": ["../workspace/runs/2/version.json"]}),
        ("document_asset", {"asset": "people.email", "sensitivity": "public"}),
        ("document_asset", {"asset": "people.salary", "sensitivity": "confidential"}),
        ("register_dataset", {"name": "again", "source": "people.csv"}),
    ]


def sent(result: CallToolResult) -> str:
    """All that an answer holds, in lower case."""
    images = [
        base64.b64decode(part.data).decode("latin-1") for part in result.content if isinstance(part, ImageContent)
    ]
    return " ".join([text_of(result), json.dumps(result.structured_content, ensure_ascii=False), *images]).lower()


def found_in(result: CallToolResult) -> list[str]:
    """The secrets that an answer holds."""
    return [secret for secret in SECRETS if secret in sent(result)]


def filled(arguments: dict[str, Any], house: House) -> dict[str, Any]:
    """The arguments with the numbers of runs in place of what they did."""
    text = json.dumps(arguments)
    for done, number in house.runs.items():
        text = text.replace(f"<{done}>", str(number))
    return json.loads(text)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, warm: Path) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    data = folder / "data"
    data.mkdir()
    workspace = new_workspace(folder / "workspace", data, warm)
    yield anyio.run(furnish, workspace, data)
    workspace.close()


@pytest.fixture
async def reader(house: House) -> AsyncIterator[Assistant]:
    async with assistant_of(house.workspace.seen_by("internal")) as reader:
        yield reader


async def test_no_statement_shows_a_masked_value(reader: Assistant) -> None:
    for sql in [*SELECTS, *ASIDE]:
        result = await reader.result("query_data", sql=sql)
        assert not (secrets := [one for one in found_in(result) if one not in sql.lower()]), f"{sql} shows {secrets}"
        assert "inside the server" not in text_of(result), sql


async def test_the_same_statements_show_them_to_whoever_may_see(house: House) -> None:
    shown = 0
    async with assistant_of(house.workspace) as boss:
        for sql in SELECTS:
            shown += bool(found_in(await boss.result("query_data", sql=sql)))
            if shown == 50:
                return
    assert shown >= 50


async def test_nothing_that_others_left_shows_a_masked_value(reader: Assistant, house: House) -> None:
    for tool, arguments in _read_all():
        result = await reader.result(tool, **filled(arguments, house))
        asked = json.dumps(arguments).lower()
        assert not (secrets := [one for one in found_in(result) if one not in asked]), f"{tool}{arguments}: {secrets}"
        assert "inside the server" not in text_of(result), f"{tool}{arguments}"


async def test_no_work_of_the_readers_own_shows_a_masked_value(reader: Assistant, house: House) -> None:
    for tool, arguments in _work_all():
        result = await reader.result(tool, **filled(arguments, house))
        asked = json.dumps(arguments).lower()
        assert not (secrets := [one for one in found_in(result) if one not in asked]), f"{tool}{arguments}: {secrets}"
        assert "inside the server" not in text_of(result), f"{tool}{arguments}"
    for name in ("mine1", "mine3", "again"):
        result = await reader.result("query_data", sql=f"SELECT * FROM {name} ORDER BY 1 LIMIT 5")
        assert not found_in(result), name


PROBES = [
    "SELECT count(*) FROM people WHERE email = '{email}'",
    "SELECT count(*) FROM people WHERE email LIKE '{part}%'",
    "SELECT count(*) FROM people WHERE regexp_matches(email, '^{part}')",
    "SELECT id FROM people WHERE salary > {salary}",
    "SELECT count(DISTINCT email) = {distinct} FROM people",
    "SELECT approx_count_distinct(illness) = {distinct} FROM people",
    "SELECT count(email) = {distinct} FROM people",
    "SELECT CASE WHEN max(salary) = {salary} THEN 1 ELSE 0 END FROM people",
    "SELECT 1 / (max(salary) - {salary}) FROM people",
    "SELECT CAST(CASE WHEN email = '{email}' THEN 'x' ELSE '1' END AS INTEGER) FROM people WHERE id = 1",
    "SELECT id FROM people WHERE id < 4 ORDER BY salary {order}, id",
    "SELECT count(*) FROM people AS p JOIN (SELECT '{email}' AS email) AS guess USING (email)",
    "SELECT id FROM people EXCEPT SELECT id FROM people WHERE email = '{email}' ORDER BY 1 LIMIT 3",
    "SELECT exists(SELECT 1 FROM people WHERE illness = '{illness}')",
    "SELECT id FROM people WHERE hash(email) = hash('{email}')",
    "SELECT count(*) FROM derived WHERE e2 = '{email}'",
    "SELECT count(*) FROM derived WHERE double_pay = 2 * {salary}",
    "SELECT rank() OVER (ORDER BY salary {order}) FROM people WHERE id = 1",
    "SELECT email IS NULL FROM people WHERE id = 1 AND coalesce(email, '') <> '{email}'",
    "SELECT count(*) FROM \"people@1\" WHERE contact = '{contact}'",
]


async def test_a_probe_answers_the_same_for_a_right_and_a_wrong_guess(reader: Assistant) -> None:
    right = {"email": EMAIL, "part": "vip", "salary": SALARY, "distinct": 240, "order": "DESC", "illness": ILLNESS}
    wrong = {"email": "no@body.example", "part": "zzz", "salary": "5", "distinct": 7, "order": "ASC", "illness": "gout"}
    right["contact"], wrong["contact"] = "old.secret@hidden.example", "no@body.example"
    for probe in PROBES:
        answers = [await reader.result("query_data", sql=probe.format(**guess)) for guess in (right, wrong)]
        told = [(one.is_error, (one.structured_content or {}).get("rows")) for one in answers]
        assert told[0] == told[1], probe


async def test_filters_of_runs_do_not_find_what_is_withheld(reader: Assistant) -> None:
    for guess in (EMAIL, "no@body.example"):
        assert (await reader.call("list_runs", where=f"params.who = '{guess}'"))["total"] == 0


async def test_registering_a_guess_finds_no_relationship_with_a_masked_column(reader: Assistant) -> None:
    lines = ["email,n", *(f"user{number}@mail.hidden.example,{number}" for number in range(2, 60))]
    answer = await reader.call("register_dataset", name="probe", content="\n".join(lines))
    assert "people" not in json.dumps(answer.get("relationships", []))
    assert "people.email" not in (await reader.text("lookup_data_dictionary", dataset="probe")).replace("probe", "")


async def test_a_model_that_reads_masked_columns_tells_nothing_of_the_values_it_knows(reader: Assistant) -> None:
    answers = [
        await reader.error(
            "predict_rows", model="churn", rows=[{"age": 30, "city": "Oslo", "salary": 5, "illness": one}]
        )
        for one in (ILLNESS, "gout")
    ]
    assert answers[0] == answers[1]
    assert "`salary` of people@2 is masked (restricted)" in answers[0]


async def test_what_a_reader_predicts_keeps_the_masks_of_what_it_was_made_of(reader: Assistant) -> None:
    quick = {"estimator": "logistic_regression", "features": ["age", "city"], "wait_seconds": 25}
    await reader.call("train_model", dataset="people", target="churned", name="open", **quick)
    await reader.call("predict_rows", model="open", dataset="people", as_dataset="told", wait_seconds=25)
    answer = await reader.call("query_data", sql="SELECT count(email), count(salary), count(prediction) FROM told")
    assert answer["rows"] == [[0, 0, 240]]


async def test_no_check_can_be_made_a_probe(reader: Assistant) -> None:
    for check in ("salary < 98765433", "unique(email)", f"sql: SELECT * FROM people WHERE email = '{EMAIL}'"):
        assert "masked for your clearance" in await reader.error("set_contract", dataset="people", checks=[check])


async def test_a_run_of_the_readers_own_says_what_was_set_aside(reader: Assistant) -> None:
    answer = await reader.call(
        "train_model", dataset="people", target="churned", estimator="logistic_regression", wait_seconds=25
    )
    aside = {one["name"]: one["reason"] for one in answer["set_aside"]}
    assert aside["salary"] == "is masked (restricted) for whoever asked"
    assert "run" in await reader.text("get_run", run=str(answer["run"]))


async def test_completions_name_no_files_of_withheld_runs(reader: Assistant, house: House) -> None:
    from mcp_types import ResourceTemplateReference

    template = ResourceTemplateReference(uri="mlsteward://runs/{number}/artifacts/{file}")
    found = await reader.client.complete(template, {"name": "file", "value": "notes"})
    assert found.completion.values == []


async def test_pages_are_masked_as_resources_too(reader: Assistant) -> None:
    for uri in ("mlsteward://datasets/people", "mlsteward://dictionary/people"):
        page = (await reader.client.read_resource(uri)).model_dump_json().lower()
        assert not [secret for secret in SECRETS if secret in page]


async def test_a_masked_column_of_any_name_is_quoted(reader: Assistant) -> None:
    await reader.call(
        "register_dataset", name="odd", content='"a ""b",n\nanna@hidden2.example,1\nbob@hidden2.example,2'
    )
    column = quote('a "b')
    assert "hidden2" not in await reader.text("query_data", sql=f"SELECT {column} FROM odd")
