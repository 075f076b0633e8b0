"""The query process: bombs end at the deadline, others are answered, nothing of the server is touched."""

import os
import subprocess
import sys
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from mlsteward.data.engine import connect
from mlsteward.data.query_process import QueryProcess
from mlsteward.data.sql.result import QueryResult
from mlsteward.data.sql.statement import Statement
from mlsteward.errors import InvalidSQL, NotFound
from tests.run_server import eventually

BOMB = "SELECT lpad('x', 2000000000, 'y')"
SECONDS = 2.0


@pytest.fixture
def flights(tmp_path: Path) -> Path:
    path = tmp_path / "flights.parquet"
    with connect(memory_mb=256) as engine:
        engine.sql("SELECT i AS number FROM range(1000) t(i)").write_parquet(str(path))
    return path


@pytest.fixture(scope="module")
def queries(tmp_path_factory: pytest.TempPathFactory) -> Generator[QueryProcess, None, None]:
    process = QueryProcess(tmp_path_factory.mktemp("queries"), memory_mb=512, seconds=SECONDS)
    yield process
    process.close()


def ask(queries: QueryProcess, sql: str, path: Path | None = None, limit: int = 100) -> QueryResult:
    def find(statement: Statement) -> dict[str, Path]:
        return {name: path for name in statement.tables if path}

    return queries.query(sql, find, limit)


def test_a_statement_is_answered_with_rows_types_and_total(queries: QueryProcess, flights: Path) -> None:
    result = ask(queries, "SELECT number, number / 2 AS half FROM flights ORDER BY number", flights, limit=2)
    assert result.columns == [("number", "BIGINT"), ("half", "DOUBLE")]
    assert result.rows == [[0, 0.0], [1, 0.5]]
    assert result.more
    assert result.total == 1000


def test_rows_that_take_long_to_count_are_not_counted(queries: QueryProcess) -> None:
    result = ask(queries, "SELECT * FROM range(1000000000000)", limit=2)
    assert result.rows == [[0], [1]]
    assert result.more
    assert result.total is None


def test_only_the_tables_of_the_statement_are_looked_for(queries: QueryProcess, flights: Path) -> None:
    asked: list[tuple[str, ...]] = []

    def find(statement: Statement) -> dict[str, Path]:
        asked.append(statement.tables)
        return dict.fromkeys(statement.tables, flights)

    queries.query('SELECT * FROM flights, "flights@2" f, meta.runs r', find, 1)
    assert asked == [("flights", "flights@2", "meta.runs")]


def test_what_looking_for_tables_raises_comes_through_and_the_process_stays(queries: QueryProcess) -> None:
    def find(statement: Statement) -> dict[str, Path]:
        raise NotFound(f"no {statement.tables[0]}")

    ask(queries, "SELECT 1")
    before = queries.pool.pids
    with pytest.raises(NotFound, match="no flihgts"):
        queries.query("SELECT * FROM flihgts", find, 1)
    assert queries.pool.pids == before


def test_the_walls_refusal_comes_through_whole(queries: QueryProcess, flights: Path) -> None:
    with pytest.raises(InvalidSQL) as caught:
        ask(queries, "SELECT * FROM read_csv('/etc/passwd')")
    assert caught.value.next.startswith("register_dataset(")
    with pytest.raises(InvalidSQL) as caught:
        ask(queries, "SELECT nummber FROM flights", flights)
    assert caught.value.close == ("number",)


def test_a_statement_can_be_read_without_being_run(queries: QueryProcess) -> None:
    assert queries.read("SELECT * FROM flights, meta.runs") == Statement(
        "SELECT * FROM flights, meta.runs", ("flights", "meta.runs")
    )


@pytest.mark.parametrize(
    "sql",
    [
        BOMB,
        "SELECT levenshtein(repeat('ab', 200000), repeat('ba', 200000))",
        "SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b, generate_series(1, 100000)",
        "WITH RECURSIVE r AS (SELECT 1 AS a UNION ALL SELECT a + 1 FROM r) SELECT count(*) FROM r",
    ],
    ids=["lpad", "levenshtein", "cross join", "endless recursion"],
)
def test_a_bomb_is_stopped_at_the_deadline_and_the_next_statement_runs(queries: QueryProcess, sql: str) -> None:
    began = time.monotonic()
    with pytest.raises(InvalidSQL, match=r"was stopped after 2 s|more memory than"):
        ask(queries, sql)
    assert time.monotonic() - began < 60  # a hang would last for minutes
    assert ask(queries, "SELECT 1").rows == [[1]]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT repeat('x', 2000000000)",
        "SELECT range(1000000000)",
        "WITH " + ", ".join(
            ["a0 AS (SELECT repeat('x', 1000000) AS x)"]
            + [f"a{i} AS (SELECT x || x AS x FROM a{i - 1})" for i in range(1, 20)]
        ) + " SELECT length(x) FROM a19",
    ],
    ids=["repeat", "range", "exponential CTEs"],
)  # fmt: skip
def test_memory_beyond_the_bound_is_refused_in_words(queries: QueryProcess, sql: str) -> None:
    with pytest.raises(InvalidSQL, match=r"more memory than a query may use|was stopped after"):
        ask(queries, sql)
    assert ask(queries, "SELECT 1").rows == [[1]]


def test_others_are_answered_while_a_bomb_runs(tmp_path: Path) -> None:
    queries = QueryProcess(tmp_path / "queries", memory_mb=512, seconds=60)
    try:
        with ThreadPoolExecutor(2) as pool:
            bomb = pool.submit(ask, queries, BOMB)
            eventually(lambda: len(queries.pool.pids) == 1)
            for number in range(3):
                assert ask(queries, f"SELECT {number}").rows == [[number]]
            assert not bomb.done()
            queries.close()
            with pytest.raises(InvalidSQL):
                bomb.result()
    finally:
        queries.close()


def test_two_callers_at_once_each_get_their_own_answer(queries: QueryProcess) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = [*pool.map(ask, [queries] * 24, [f"SELECT {number}" for number in range(24)])]
    assert [answer.rows for answer in answers] == [[[number]] for number in range(24)]
    assert len(queries.pool.pids) <= 2


def test_a_caller_behind_bombs_waits_no_longer_than_their_deadline(tmp_path: Path) -> None:
    queries = QueryProcess(tmp_path / "queries", memory_mb=512, seconds=3)
    with ThreadPoolExecutor(3) as pool:
        bombs = [pool.submit(ask, queries, BOMB) for _ in range(2)]
        eventually(lambda: len(queries.pool.pids) == 2)
        assert ask(queries, "SELECT 'answered'").rows == [["answered"]]
        for bomb in bombs:
            with pytest.raises(InvalidSQL):
                bomb.result()
    queries.close()


def test_a_count_that_comes_too_late_is_left_out_and_does_not_reach_the_next_caller(queries: QueryProcess) -> None:
    # The first row comes at once; the others cost a function that no interrupt stops.
    slow = "levenshtein(repeat('ab', 20000), repeat(i::VARCHAR, 3000)) > 0"
    result = ask(
        queries, f"SELECT i FROM range(1000000) t(i) WHERE CASE WHEN i < 500000 THEN true ELSE {slow} END", limit=1
    )
    assert result.rows == [[0]]
    assert result.total is None
    assert ask(queries, "SELECT 'next'").rows == [["next"]]


def test_a_killed_process_is_started_again(queries: QueryProcess) -> None:
    ask(queries, "SELECT 1")
    for pid in queries.pool.pids:
        psutil.Process(pid).kill()
        psutil.Process(pid).wait(10)
    assert ask(queries, "SELECT 2").rows == [[2]]


def test_nothing_is_started_before_the_first_statement(tmp_path: Path) -> None:
    queries = QueryProcess(tmp_path / "queries", memory_mb=512, seconds=SECONDS)
    assert queries.pool.pids == []
    assert not (tmp_path / "queries").exists()
    queries.close()
    with pytest.raises(InvalidSQL, match="closing"):
        ask(queries, "SELECT 1")


def test_closing_ends_the_processes_and_leaves_no_scratch(tmp_path: Path) -> None:
    queries = QueryProcess(tmp_path / "queries", memory_mb=512, seconds=SECONDS)
    ask(queries, "SELECT 1")
    (pid,) = queries.pool.pids
    queries.close()
    assert not psutil.pid_exists(pid)
    assert [*(tmp_path / "queries").iterdir()] == []


def test_what_a_killed_server_left_is_cleared(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    for name in (f"{ended.pid}-abc", f"{os.getpid()}-abc", "other"):
        (tmp_path / name).mkdir()
    queries = QueryProcess(tmp_path, memory_mb=512, seconds=SECONDS)
    with queries.scratch() as scratch:
        assert Path(scratch).parent == tmp_path
    queries.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([f"{os.getpid()}-abc", "other"])


def test_the_process_inherits_nothing(queries: QueryProcess, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    own = QueryProcess(tmp_path / "queries", memory_mb=512, seconds=SECONDS)
    with (tmp_path / "of the server").open("w") as held:
        os.set_inheritable(held.fileno(), True)
        ask(own, "SELECT 1")
        process = psutil.Process(own.pool.pids[0])
        try:
            assert "AWS_SECRET_ACCESS_KEY" not in process.environ()
            assert held.name not in {file.path for file in process.open_files()}
            assert process.cwd().startswith(str(tmp_path / "queries"))
            assert os.getsid(process.pid) != os.getsid(0)
        finally:
            own.close()


@pytest.mark.skipif(sys.platform != "linux", reason="no RLIMIT_DATA that holds for mappings elsewhere")
def test_the_process_has_a_memory_limit(queries: QueryProcess) -> None:
    ask(queries, "SELECT 1")
    limits = Path(f"/proc/{queries.pool.pids[0]}/limits").read_text()
    data = next(line for line in limits.splitlines() if line.startswith("Max data size"))
    assert data.split()[3] == str(512 << 20)


SERVER = """
import sys
from pathlib import Path
from mlsteward.data.query_process import QueryProcess

queries = QueryProcess(Path(sys.argv[1]), memory_mb=512, seconds=60)
queries.query("SELECT 1", lambda statement: {}, 1)
print(*queries.pool.pids, flush=True)
print(sys.stdin.readline().strip(), flush=True)
queries.query("SELECT lpad('x', 2000000000, 'y')", lambda statement: {}, 1)
"""


def test_the_servers_own_pipes_stay_its_own_and_its_death_ends_a_running_bomb(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SERVER, str(tmp_path / "queries")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdin
        assert server.stdout
        child = psutil.Process(int(server.stdout.readline()))
        server.stdin.write("for the server alone\n")
        server.stdin.flush()
        assert server.stdout.readline() == "for the server alone\n"
        eventually(lambda: child.cpu_times().user > 0.5)
        server.kill()
        child.wait(30)


def test_asking_imports_no_engine_into_the_server(tmp_path: Path) -> None:
    code = SERVER.partition("print(*")[0] + "print('duckdb' in sys.modules); queries.close()"
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "queries")], capture_output=True, text=True, check=True
    )
    assert run.stdout == "False\n"
