-- Every look at a dataset's health, one row a run; `pillars` has what each pillar said.
CREATE TABLE health (
    run BIGINT NOT NULL,
    dataset VARCHAR NOT NULL,
    version INTEGER NOT NULL,
    healthy BOOLEAN NOT NULL,
    verdict VARCHAR NOT NULL,
    pillars JSON NOT NULL,
    created TIMESTAMP NOT NULL
);

-- What came of each check of a run: checks of a contract, and those that the pillars make by themselves.
CREATE TABLE check_results (
    run BIGINT,
    dataset VARCHAR NOT NULL,
    version INTEGER NOT NULL,
    pillar VARCHAR NOT NULL,
    check_name VARCHAR NOT NULL,
    column_name VARCHAR NOT NULL,
    severity VARCHAR NOT NULL,
    passed BOOLEAN NOT NULL,
    value DOUBLE,
    words VARCHAR NOT NULL,
    created TIMESTAMP NOT NULL
);
