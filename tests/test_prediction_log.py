"""Prediction logs: written line by line, sealed to Parquet, read as one table."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from mlsteward.data.engine import connect
from mlsteward.serving.endpoint.desired import EndpointFolder
from mlsteward.serving.prediction_log import COLUMNS, find_segments, prediction_tables
from mlsteward.serving.segments import LogFull, SegmentWriter, seal_segments

FEATURES = {"distance": "DOUBLE", "day": "TIMESTAMP", "origin": "VARCHAR", "empty": "BOOLEAN"}
WRITER = """
import sys
from pathlib import Path
from mlsteward.serving.segments import SegmentWriter
from tests.test_prediction_log import FEATURES, line
writer = SegmentWriter(Path(sys.argv[1]), FEATURES)
number = 0
while True:
    writer.append(line(number) + line(number + 1))
    print(number, flush=True)
    number += 2
"""


def line(number: int, **other: Any) -> bytes:
    features = {"distance": number / 2, "day": "2026-03-01T12:30:00.5", "origin": "ÉWR\n\0", "empty": None}
    row = {
        "prediction_id": f"p{number}",
        "time": 1_780_000_000_000_000 + number,
        "model": "delay@1",
        "prediction": "yes",
        "scores": [0.25, 0.75],
        "features": features,
        **other,
    }
    return json.dumps(row).encode() + b"\n"


def read(folder: Path, columns: str = "*", rest: str = "ORDER BY time") -> list[tuple[Any, ...]]:
    with connect(threads=1) as connection:
        return connection.execute(f"SELECT {columns} FROM {prediction_tables(folder, 'delay')} {rest}").fetchall()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return EndpointFolder.of(tmp_path, "delay").predictions


def test_a_deployment_that_was_never_asked_has_a_table_without_rows(tmp_path: Path) -> None:
    with connect(threads=1) as connection:
        found = connection.execute(f"SELECT * FROM {prediction_tables(tmp_path, 'delay')}")
        assert [name for name, *_ in found.description] == [*COLUMNS, "features"]
        assert found.fetchall() == []


def test_rows_are_read_while_their_segment_is_written(tmp_path: Path, folder: Path) -> None:
    writer = SegmentWriter(folder, FEATURES)
    assert read(tmp_path) == []
    writer.append(line(1))
    (row,) = read(tmp_path, "prediction_id, time::VARCHAR, scores[2], features.origin, features.day::VARCHAR")
    assert row == ("p1", "2026-05-28 20:26:40.000001", 0.75, "ÉWR\n\0", "2026-03-01 12:30:00.5")
    writer.close()


def test_sealed_segments_and_open_ones_are_one_table(tmp_path: Path, folder: Path) -> None:
    for number in range(3):
        writer = SegmentWriter(folder, FEATURES)
        writer.append(line(number))
        writer.close()
    before = read(tmp_path)
    assert seal_segments(folder) == 3
    assert find_segments(folder)[1] == []
    assert read(tmp_path) == before
    writer = SegmentWriter(folder, FEATURES)
    writer.append(line(3))
    assert seal_segments(folder) == 0
    assert [name for (name,) in read(tmp_path, "prediction_id")] == ["p0", "p1", "p2", "p3"]
    writer.close()


def test_versions_with_other_columns_share_the_table(tmp_path: Path, folder: Path) -> None:
    for number, features in enumerate([{"distance": "DOUBLE"}, {"origin": "VARCHAR", "distance": "VARCHAR"}]):
        writer = SegmentWriter(folder, features)
        writer.append(line(number, features={"distance": 5, "origin": "LGA"}))
        writer.close()
        seal_segments(folder)
    writer = SegmentWriter(folder, {"weight": "DOUBLE"})
    writer.append(line(2, features={"weight": 1.5}))
    found = read(tmp_path, "features.distance, features.origin, features.weight")
    assert found == [("5.0", None, None), ("5", "LGA", None), (None, None, 1.5)]
    writer.close()


def test_a_writer_that_is_killed_loses_nothing_it_acknowledged(tmp_path: Path, folder: Path) -> None:
    for _ in range(3):
        command = [sys.executable, "-c", WRITER, str(folder)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent.parent)
        assert process.stdout is not None
        for _ in range(200):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        said = 200 + len(process.stdout.read().splitlines())
        process.wait()
        process.stdout.close()
        before = len(read(tmp_path))
        assert before % 2 == 0 and before >= 2 * (said - 1)
        assert seal_segments(folder) == 1
        assert len(read(tmp_path)) == before
        find_segments(folder)[0][0].unlink()
        next(folder.glob("*.jsonl")).unlink()


def test_a_line_that_was_not_finished_is_left_out(tmp_path: Path, folder: Path) -> None:
    writer = SegmentWriter(folder, FEATURES)
    writer.append(line(1))
    os.write(writer._descriptor, line(2)[:40])  # pyright: ignore[reportPrivateUsage] - as a kill would leave it
    assert [name for (name,) in read(tmp_path, "prediction_id")] == ["p1"]
    writer.close()
    assert seal_segments(folder) == 1
    assert [name for (name,) in read(tmp_path, "prediction_id")] == ["p1"]


def test_a_sealed_segment_keeps_its_lines_for_those_who_read_them_and_counts_once(tmp_path: Path, folder: Path) -> None:
    writer = SegmentWriter(folder, FEATURES)
    writer.append(line(1))
    writer.close()
    assert seal_segments(folder) == 1
    assert writer.path.exists()
    assert len(read(tmp_path)) == 1
    sealed = find_segments(folder)[0][0]
    os.utime(sealed, (0, 0))
    assert seal_segments(folder) == 0
    assert not writer.path.exists()
    assert len(read(tmp_path)) == 1


def test_a_segment_that_would_lose_rows_keeps_its_lines(tmp_path: Path, folder: Path) -> None:
    writer = SegmentWriter(folder, FEATURES)
    writer.append(line(1) + b'{"prediction_id": "spoilt", "time": "\\ud800"}\n')
    writer.close()
    assert seal_segments(folder) == 0
    assert writer.path.exists()


def test_a_large_segment_makes_room_for_another(tmp_path: Path, folder: Path) -> None:
    writer = SegmentWriter(folder, FEATURES, most_bytes=2_000)
    for number in range(20):
        writer.append(line(number))
    writer.close()
    until = time.monotonic() + 20
    while find_segments(folder)[1] and time.monotonic() < until:
        seal_segments(folder)
    assert len(find_segments(folder)[0]) > 1
    assert len(read(tmp_path)) == 20


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on the size of files")
def test_a_full_disk_is_said_and_leaves_no_half_line(tmp_path: Path, folder: Path) -> None:
    import resource

    writer = SegmentWriter(folder, FEATURES)
    writer.append(line(1))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (writer.path.stat().st_size + 20, hard))
        with pytest.raises(LogFull, match="cannot be written"):
            writer.append(line(2))
        with pytest.raises(LogFull):
            writer.append(line(3))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    writer.append(line(4))
    assert [name for (name,) in read(tmp_path, "prediction_id")] == ["p1", "p4"]
    writer.close()


def test_a_segment_without_predictions_leaves_nothing(folder: Path) -> None:
    SegmentWriter(folder, FEATURES).close()
    assert find_segments(folder) == ([], [])
