CREATE TABLE datasets (
    name VARCHAR PRIMARY KEY,
    family VARCHAR NOT NULL,
    description VARCHAR NOT NULL,
    created TIMESTAMP NOT NULL
);

CREATE TABLE dataset_versions (
    name VARCHAR NOT NULL,
    version INTEGER NOT NULL,
    fingerprint VARCHAR NOT NULL,
    column_fingerprints JSON NOT NULL,
    schema_hash VARCHAR NOT NULL,
    source_hash VARCHAR NOT NULL,
    algorithm VARCHAR NOT NULL,
    engine VARCHAR NOT NULL,
    rows BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    columns JSON NOT NULL,
    snapshot VARCHAR NOT NULL,
    reference BOOLEAN NOT NULL,
    source VARCHAR NOT NULL,
    sources JSON NOT NULL,
    sql VARCHAR NOT NULL,
    warnings JSON NOT NULL,
    run INTEGER,
    actor VARCHAR NOT NULL,
    created TIMESTAMP NOT NULL,
    profile JSON NOT NULL,
    PRIMARY KEY (name, version)
);
