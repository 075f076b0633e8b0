"""The store among real processes: neighbours, kills, a full disk, a file system without locks."""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import duckdb
import pytest

from mlsteward.errors import StoreBusy
from mlsteward.store.store import Store
from mlsteward.store.transaction import Transaction

START = """
import os, signal, sys, time
from pathlib import Path
from mlsteward.store.store import Store
from mlsteward.store.attachment import Attachment
path = Path(sys.argv[1])
ADD = "INSERT INTO activity VALUES (1, '2026-01-01', ?, '', '', ?, ?, NULL, '', '')"
"""
# Writes for ever and says what was acknowledged.
WRITER = """
store = Store(path)
for number in range(10**9):
    store.write(lambda t: (t.execute(ADD, [sys.argv[2], str(number), ""]), t.execute(ADD, [sys.argv[2], "twin", ""])))
    print(number, flush=True)
"""
# Commits and is killed before it detaches.
KILLED_AFTER_COMMIT = """
with Attachment(path).open(write=True, deadline=time.monotonic() + 10) as connection:
    connection.execute("BEGIN")
    connection.execute(ADD, ["killed", "committed", ""])
    connection.execute("COMMIT")
    connection.execute("BEGIN")
    connection.execute(ADD, ["killed", "not committed", ""])
    os.kill(os.getpid(), signal.SIGKILL)
"""
HOLDS_THE_LOCK = """
from mlsteward.store.lock import StoreLock
with StoreLock(path.with_name(path.name + ".lock")).held(time.monotonic() + 10):
    print("held", flush=True)
    sys.stdin.readline()
"""
HOLDS_THE_FILE = """
import duckdb
connection = duckdb.connect(str(path))
print("held", flush=True)
sys.stdin.readline()
connection.close()
"""
# The kernel answers ENOSYS to flock, as some network file systems do: a seccomp filter of four instructions.
WITHOUT_FLOCK = """
import ctypes, errno, platform, struct
number = {"x86_64": 73, "aarch64": 32}[platform.machine()]
code = b"".join(struct.pack("HBBI", *line) for line in [
    (0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, 0x00050000 | errno.ENOSYS), (0x06, 0, 0, 0x7FFF0000)])
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_char_p)]
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.byref(Program(4, code)), 0, 0) == 0
from mlsteward.errors import Refused
try:
    Store(path).write(lambda t: t.execute(ADD, ["a", "b", ""]))
except Refused as refused:
    print(refused)
    print(sorted(os.listdir(path.parent)))
"""
# Files may not grow beyond the store's size: the log has room for the commit, the checkpoint at DETACH has none.
ON_A_FULL_DISK = """
import logging, resource
logging.basicConfig(level="WARNING", format="%(levelname)s %(message)s", stream=sys.stdout)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size, resource.RLIM_INFINITY))
store = Store(path)
noise = os.urandom(150_000).hex()
store.write(lambda t: t.execute(ADD, ["full", "committed", noise]))
rows = store.read(lambda t: t.rows("SELECT asset, length(why) FROM activity WHERE actor = 'full'"))
store.close()
print(rows, os.path.exists(sys.argv[1] + ".wal"))
"""

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="needs a Linux kernel")


def run(code: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", START + code, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def output(code: str, *arguments: object) -> str:
    return run(code, *arguments).communicate(timeout=60)[0]


def new_store(tmp_path: Path, patience: float = 10.0) -> Store:
    store = Store(tmp_path / "store.duckdb", patience=patience)
    store.read(lambda t: t.rows("SELECT 1"))
    return store


def assets(t: Transaction, actor: str) -> list[str]:
    return [asset for (asset,) in t.rows("SELECT asset FROM activity WHERE actor = ?", [actor])]


def test_every_acknowledged_transaction_survives_kill_9(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    acknowledged: dict[str, list[str]] = {}
    for turn in range(3):
        writers = {f"{turn}-{number}": run(WRITER, store.path, f"{turn}-{number}") for number in range(3)}
        for number, writer in enumerate(writers.values()):
            assert writer.stdout is not None
            for _ in range(3 + 2 * number):
                writer.stdout.readline()
        for writer in writers.values():
            writer.kill()
        for name, writer in writers.items():
            acknowledged[name] = writer.communicate()[0].split()
    for name, numbers in acknowledged.items():
        there = store.read(lambda t, name=name: assets(t, name))
        assert set(numbers) <= set(there)
        assert there.count("twin") * 2 == len(there), "a transaction is there wholly or not at all"
    store.close()


def test_a_log_left_by_a_killed_process_is_written_into_the_store_at_once(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    log = store.path.with_name("store.duckdb.wal")
    output(KILLED_AFTER_COMMIT, store.path)
    assert log.exists()
    assert store.read(lambda t: (assets(t, "killed"), log.exists() and log.stat().st_size > 0)) == (
        ["committed"],
        False,
    )
    store.close()


def test_a_backup_holds_what_a_killed_process_left_in_the_log(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    output(KILLED_AFTER_COMMIT, store.path)
    store.backup(tmp_path / "copy.duckdb")
    store.close()
    with duckdb.connect(str(tmp_path / "copy.duckdb"), read_only=True) as copy:
        assert copy.execute("SELECT asset FROM activity").fetchall() == [("committed",)]


@pytest.mark.parametrize("holder", [HOLDS_THE_LOCK, HOLDS_THE_FILE], ids=["another server", "another program"])
def test_a_store_held_too_long_is_busy_and_the_holder_is_named_and_left_alone(tmp_path: Path, holder: str) -> None:
    store = new_store(tmp_path, patience=0.2)
    with run(holder, store.path) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(StoreBusy, match=rf"held by .*python.* \(process {process.pid}\)"):
            store.read(lambda t: assets(t, ""))
        assert process.poll() is None
        process.communicate("done\n")
    assert store.read(lambda t: assets(t, "")) == []
    store.close()


def test_a_process_with_much_to_do_lets_others_have_their_turn(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    with run(WRITER, store.path, "busy") as busy:
        assert busy.stdout is not None
        busy.stdout.readline()
        written = [store.write(lambda t: len(assets(t, "busy")) // 2) for _ in range(20)]
        busy.kill()
        busy.communicate()
    store.close()
    assert max(later - earlier for earlier, later in pairwise(written)) <= 5


@pytest.mark.parametrize("holder", [HOLDS_THE_LOCK, HOLDS_THE_FILE], ids=["another server", "another program"])
def test_a_store_that_is_let_go_in_time_is_not_busy(tmp_path: Path, holder: str) -> None:
    store = new_store(tmp_path)
    with run(holder + "\ntime.sleep(0.1)", store.path) as process:
        assert process.stdout is not None and process.stdin is not None
        process.stdout.readline()
        process.stdin.write("done\n")
        process.stdin.flush()
        store.write(lambda t: t.execute("DELETE FROM activity"))
    store.close()


@linux_only
def test_a_file_system_without_locks_is_refused_in_words(tmp_path: Path) -> None:
    words, files = output(WITHOUT_FLOCK, tmp_path / "store.duckdb").splitlines()
    assert "without file locks (Function not implemented)" in words
    assert "local disk with --workspace" in words
    assert files == "['store.duckdb.lock.turn']"


@linux_only
def test_a_full_disk_at_detach_is_logged_and_what_was_committed_is_there(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    lines = output(ON_A_FULL_DISK, store.path).splitlines()
    assert any(line.startswith("WARNING the store was not detached cleanly") for line in lines)
    assert lines[-1] == "[('committed', 300000)] True"
    # With room again the log goes into the store.
    assert store.read(lambda t: assets(t, "full")) == ["committed"]
    store.close()
    assert not store.path.with_name("store.duckdb.wal").exists()
