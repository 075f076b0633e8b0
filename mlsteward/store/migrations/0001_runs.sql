CREATE TABLE runs (
    number BIGINT PRIMARY KEY,
    kind VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    state VARCHAR NOT NULL
        CHECK (state IN ('queued', 'running', 'completed', 'failed', 'cancelled', 'lost', 'waiting')),
    dataset VARCHAR NOT NULL,
    fingerprint VARCHAR NOT NULL,
    target VARCHAR NOT NULL,
    params JSON NOT NULL,
    tags JSON NOT NULL,
    actor VARCHAR NOT NULL,
    client VARCHAR NOT NULL,
    reason VARCHAR NOT NULL,
    created TIMESTAMP NOT NULL,
    started TIMESTAMP,
    finished TIMESTAMP,
    wall_seconds DOUBLE,
    cpu_seconds DOUBLE,
    peak_memory_mb DOUBLE,
    error VARCHAR NOT NULL,
    result JSON NOT NULL,
    environment JSON NOT NULL
);

-- No key: rows are written run by run, so min-max pruning finds a run, and an index over millions of rows
-- would make every write slower and the file four times as large.
CREATE TABLE metrics (
    run BIGINT NOT NULL,
    split VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    step BIGINT NOT NULL,
    value DOUBLE,
    low DOUBLE,
    high DOUBLE
);

-- The last step of each metric: what lists sort and filter by.
CREATE TABLE latest_metrics (
    run BIGINT NOT NULL,
    split VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    step BIGINT NOT NULL,
    value DOUBLE,
    low DOUBLE,
    high DOUBLE
);

CREATE TABLE activity (
    created TIMESTAMP NOT NULL,
    actor VARCHAR NOT NULL,
    client VARCHAR NOT NULL,
    action VARCHAR NOT NULL,
    asset VARCHAR NOT NULL,
    why VARCHAR NOT NULL,
    run BIGINT
);
