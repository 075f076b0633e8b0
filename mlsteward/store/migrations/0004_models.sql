-- One row per fitted model. A model that was given no name has name '' and version 0.
CREATE TABLE models (
    run INTEGER PRIMARY KEY,
    name VARCHAR NOT NULL,
    version INTEGER NOT NULL,
    task VARCHAR NOT NULL,
    target VARCHAR NOT NULL,
    dataset VARCHAR NOT NULL,
    fingerprint VARCHAR NOT NULL,
    classes JSON NOT NULL,
    path VARCHAR NOT NULL,
    sha256 VARCHAR NOT NULL,
    signature JSON NOT NULL,
    threshold DOUBLE NOT NULL,
    metric VARCHAR NOT NULL,
    metrics JSON NOT NULL,
    estimator VARCHAR NOT NULL,
    split JSON NOT NULL,
    actor VARCHAR NOT NULL,
    created TIMESTAMP NOT NULL
);
