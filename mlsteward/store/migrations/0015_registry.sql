-- Every move of an alias. Nothing is changed here: the last row of an alias says where it stands, nowhere where its
-- version is NULL.
CREATE TABLE alias_changes (
    number BIGINT NOT NULL,
    model VARCHAR NOT NULL,
    alias VARCHAR NOT NULL,
    version BIGINT,
    previous BIGINT,
    run BIGINT,
    actor VARCHAR NOT NULL,
    reason VARCHAR NOT NULL,
    created TIMESTAMP NOT NULL
);

-- What each gate found in a run, of a model as it was called then.
CREATE TABLE gate_results (
    run BIGINT NOT NULL,
    model VARCHAR NOT NULL,
    position INTEGER NOT NULL,
    gate VARCHAR NOT NULL,
    outcome VARCHAR NOT NULL,
    words VARCHAR NOT NULL,
    value DOUBLE,
    low DOUBLE,
    high DOUBLE,
    limit_value DOUBLE,
    evidence JSON NOT NULL,
    blocks BOOLEAN NOT NULL,
    created TIMESTAMP NOT NULL
);
