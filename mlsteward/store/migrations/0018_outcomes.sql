-- Pieces of outcomes that were accepted: each a file of the deployment's folder. What is no row here does not count.
CREATE TABLE outcome_segments (
    run BIGINT PRIMARY KEY,
    deployment VARCHAR NOT NULL,
    file VARCHAR NOT NULL,
    sha256 VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    rows BIGINT NOT NULL,
    actor VARCHAR NOT NULL,
    recorded TIMESTAMP NOT NULL
);

-- How a deployment is watched. `due` is when it is looked at next; who looks moves it on first, so that of several
-- servers one does. A row is never deleted: `stopped` says since when nobody looks.
CREATE TABLE monitors (
    deployment VARCHAR PRIMARY KEY,
    every_seconds DOUBLE NOT NULL,
    budget_days DOUBLE NOT NULL,
    on_alert VARCHAR NOT NULL,
    tolerance DOUBLE,
    season BOOLEAN NOT NULL,
    watched_since TIMESTAMP NOT NULL,
    actor VARCHAR NOT NULL,
    client VARCHAR NOT NULL,
    clearance VARCHAR NOT NULL,
    changed TIMESTAMP NOT NULL,
    stopped TIMESTAMP,
    due TIMESTAMP NOT NULL,
    last_run BIGINT
);
