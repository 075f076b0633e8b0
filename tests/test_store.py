import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import duckdb
import psutil
import pytest

from mlsteward.errors import NotFound
from mlsteward.store.activity import activity_of, add_activity
from mlsteward.store.attachment import Attachment
from mlsteward.store.metrics import MetricRow, add_metrics, metrics_of, steps_of
from mlsteward.store.runs import Run, add_run, get_run, runs_in_state, update_run
from mlsteward.store.schema import FOLDER
from mlsteward.store.store import SHARED_SECONDS, Store
from mlsteward.store.transaction import Transaction

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Generator[Store]:
    store = Store(tmp_path / "store.duckdb")
    yield store
    store.close()


def new_run(name: str = "", **fields: object) -> Run:
    return Run.model_validate({"number": 0, "kind": "train", "state": "queued", "created": NOW, "name": name} | fields)


def names(t: Transaction) -> list[str]:
    return [name for (name,) in t.rows("SELECT name FROM runs ORDER BY number")]


def is_open(path: Path) -> bool:
    return any(Path(file.path) == path for file in psutil.Process().open_files())


def attachment_of(t: Transaction) -> int:
    """A number that is new with every ATTACH."""
    row = t.row("SELECT database_oid FROM duckdb_databases() WHERE database_name = 'store'")
    assert row is not None
    return row[0]


def test_a_run_comes_back_as_it_was_recorded(store: Store) -> None:
    run = new_run("delay", params={"depth": 3, "grid": [1, 2]}, tags={"team": "ops"}, dataset="flights@3")
    number = store.write(lambda t: add_run(t, run))
    assert store.read(lambda t: get_run(t, number)) == run.model_copy(update={"number": 1})


def test_runs_are_numbered_one_after_the_other(store: Store) -> None:
    assert [store.write(lambda t: add_run(t, new_run())) for _ in range(3)] == [1, 2, 3]


def test_an_unknown_run_is_not_found_and_the_newest_is_named(store: Store) -> None:
    store.write(lambda t: add_run(t, new_run()))
    with pytest.raises(NotFound, match=r"no run:9; the newest is run:1.*list_runs"):
        store.read(lambda t: get_run(t, 9))


def test_a_run_is_changed_column_by_column(store: Store) -> None:
    store.write(lambda t: add_run(t, new_run("a")))
    store.write(lambda t: update_run(t, 1, state="completed", result={"auc": float("nan")}, finished=NOW))
    run = store.read(lambda t: get_run(t, 1))
    assert (run.state, run.result, run.finished, run.name) == ("completed", {"auc": None}, NOW, "a")


def test_a_column_that_runs_do_not_have_is_a_mistake_of_the_caller(store: Store) -> None:
    with pytest.raises(TypeError, match="colour"):
        store.write(lambda t: update_run(t, 1, colour="red"))


def test_runs_are_found_by_state(store: Store) -> None:
    for state in ("queued", "running", "completed"):
        store.write(lambda t, state=state: add_run(t, new_run(state=state)))
    assert [run.number for run in store.read(lambda t: runs_in_state(t, "queued", "running"))] == [1, 2]


def test_a_state_that_does_not_exist_is_refused(store: Store) -> None:
    with pytest.raises(duckdb.ConstraintException):
        store.write(lambda t: add_run(t, new_run(state="asleep")))


def test_the_latest_metric_is_the_one_of_the_highest_step(store: Store) -> None:
    values = [MetricRow(run=1, name="loss", step=step, value=1 / (step + 1)) for step in (0, 2, 1)]
    store.write(lambda t: add_metrics(t, [*values, MetricRow(run=2, name="loss", value=9.0)]))
    store.write(lambda t: add_metrics(t, [MetricRow(run=1, split="validation", name="loss", value=0.5, low=0.4)]))
    assert [(m.split, m.step, m.value) for m in store.read(lambda t: metrics_of(t, 1))] == [
        ("test", 2, 1 / 3),
        ("validation", 0, 0.5),
    ]
    assert [m.step for m in store.read(lambda t: steps_of(t, 1))] == [0, 1, 2, 0]


def test_a_metric_written_again_replaces_the_latest(store: Store) -> None:
    for value in (0.5, 0.7, float("nan")):
        store.write(lambda t, value=value: add_metrics(t, [MetricRow(run=1, name="auc", value=value)]))
    assert [m.value for m in store.read(lambda t: metrics_of(t, 1))] == [None]


def test_changes_are_remembered_newest_first(store: Store) -> None:
    for why in ("first", "second"):
        store.write(lambda t, why=why: add_activity(t, actor="ann", client="ide", action="tag", asset="run:1", why=why))
    found = store.read(lambda t: activity_of(t, "run:1"))
    assert [(change.why, change.actor) for change in found] == [("second", "ann"), ("first", "ann")]


def test_times_are_stored_and_returned_in_utc(store: Store) -> None:
    eastern = NOW.astimezone(timezone(timedelta(hours=-5)))
    store.write(lambda t: add_run(t, new_run(created=eastern)))
    assert store.read(lambda t: t.row("SELECT created, CAST(created AS VARCHAR) FROM runs")) == (
        NOW,
        "2026-03-01 12:30:00",
    )


def test_the_file_is_open_only_during_a_transaction(store: Store) -> None:
    assert store.write(lambda t: (add_run(t, new_run()), is_open(store.path))[1])
    store.close()
    assert not is_open(store.path)


def test_a_result_left_open_at_detach_does_not_keep_the_file(tmp_path: Path) -> None:
    attachment = Attachment(tmp_path / "store.duckdb")
    with attachment.open(write=True, deadline=0) as connection:
        connection.execute(
            "INSERT INTO activity SELECT i, '2026-01-01', '', '', '', '', '', i, '', '' FROM range(90000) t(i)"
        )
        connection.execute("SELECT * FROM activity").fetchone()
    assert not is_open(attachment.path)
    attachment.close()


def test_rows_that_cannot_be_fetched_do_not_keep_the_file(store: Store) -> None:
    with pytest.raises(duckdb.ConversionException):
        store.read(
            lambda t: t.rows("SELECT CAST(CASE WHEN i > 80000 THEN 'x' ELSE '1' END AS INTEGER) FROM range(90000) t(i)")
        )
    store.close()
    assert not is_open(store.path)


@pytest.mark.parametrize("written", [False, True])
def test_an_error_right_after_attaching_does_not_keep_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: bool
) -> None:
    store = Store(tmp_path / "store.duckdb")
    if written:
        store.write(lambda t: add_run(t, new_run()))
        store.close()
        store = Store(tmp_path / "store.duckdb")
    with monkeypatch.context() as patch:
        patch.setattr("mlsteward.store.attachment._SEARCH_PATH", "no_such_database.main")
        with pytest.raises(duckdb.Error):
            store.read(lambda t: t.rows("SELECT 1"))
    assert store.write(lambda t: add_run(t, new_run())) == 1 + written
    store.close()


def test_work_gets_rows_only_and_no_cursor_or_relation() -> None:
    public = {name for name in vars(Transaction) if not name.startswith("_")}
    assert public == {"rows", "row", "execute", "insert", "failure", "whole", "seen_by", "masks"}


def test_an_error_undoes_the_whole_transaction_and_is_raised(store: Store) -> None:
    def half(t: Transaction) -> None:
        add_run(t, new_run("half"))
        raise LookupError("after the first statement")

    with pytest.raises(LookupError, match="after the first"):
        store.write(half)
    assert store.read(names) == []


def test_an_error_that_work_swallows_is_raised_all_the_same(store: Store) -> None:
    def swallow(t: Transaction) -> str:
        add_run(t, new_run("lost without a word"))
        with suppress(duckdb.Error):
            t.execute("INSERT INTO runs (number) VALUES (1)")
        return "written"

    with pytest.raises(duckdb.ConstraintException):
        store.write(swallow)
    assert store.read(names) == []


def test_reading_cannot_write(store: Store) -> None:
    store.write(lambda t: add_run(t, new_run("a")))
    with pytest.raises(duckdb.Error, match="read-only"):
        store.read(lambda t: t.execute("DELETE FROM runs"))
    assert store.read(names) == ["a"]


def test_work_cannot_start_a_transaction_of_its_own(store: Store) -> None:
    with pytest.raises(RuntimeError, match="of its own"):
        store.read(lambda t: store.read(names))


def test_one_thread_serves_all_threads(store: Store) -> None:
    served: set[str] = set()

    def work(t: Transaction) -> None:
        served.add(threading.current_thread().name)
        add_run(t, new_run())

    threads = [threading.Thread(target=lambda: [store.write(work) for _ in range(5)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.read(names)) == 40
    assert len(served) == 1


def test_transactions_that_wait_share_an_attachment_but_not_for_long(store: Store) -> None:
    waiting, release = threading.Event(), threading.Event()
    order: list[int] = []

    def first(_: Transaction) -> None:
        waiting.set()
        release.wait(10)

    def quick(t: Transaction) -> None:
        order.append(attachment_of(t))

    def slow(t: Transaction) -> None:
        quick(t)
        threading.Event().wait(SHARED_SECONDS * 1.5)

    works = [quick, slow, quick]
    threads = [threading.Thread(target=store.write, args=(first,))]
    threads[0].start()
    waiting.wait(10)
    for work in works:
        thread = threading.Thread(target=store.write, args=(work,))
        thread.start()
        threads.append(thread)
        while len(store._waiting) < len(threads) - 1:  # pyright: ignore[reportPrivateUsage] - their order matters
            pass
    release.set()
    for thread in threads:
        thread.join()
    assert order[0] == order[1] != order[2]


def test_the_engine_reads_no_python_names_and_downloads_nothing(store: Store) -> None:
    settings = dict(store.read(lambda t: t.rows("SELECT name, value FROM duckdb_settings()")))
    assert settings["python_enable_replacements"] == "false"
    assert settings["autoload_known_extensions"] == settings["autoinstall_known_extensions"] == "false"
    assert settings["allow_persistent_secrets"] == "false"
    assert Path(settings["temp_directory"]).parent == store.path.parent
    assert settings["max_temp_directory_size"].endswith("GiB")


def test_the_schema_has_no_foreign_keys_and_no_use() -> None:
    for path in FOLDER.glob("*.sql"):
        words = set(path.read_text(encoding="utf-8").upper().replace("(", " ").split())
        assert not words & {"REFERENCES", "FOREIGN", "USE", "TIMESTAMPTZ"}, path.name


def test_many_rows_of_mixed_values_are_inserted_at_once(store: Store) -> None:
    rows = [
        {"number": i, "alert": 1, "created": NOW, "event": "", "state": "", "actor": "a", "client": "", "note": ""}
        | {"run": run, "payload": {"n": i}}
        for i, run in enumerate([None, 3, None])
    ]
    store.write(lambda t: t.insert("alert_events", rows))
    assert store.read(lambda t: t.rows("SELECT payload, run FROM alert_events ORDER BY number")) == [
        ('{"n": 0}', None),
        ('{"n": 1}', 3),
        ('{"n": 2}', None),
    ]


def test_importing_the_store_imports_no_engine() -> None:
    code = (
        "import sys, mlsteward.store.store, mlsteward.store.runs, mlsteward.store.metrics, mlsteward.store.activity;"
        "sys.exit(str([name for name in ('duckdb', 'numpy', 'pandas', 'sklearn') if name in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == "[]"
