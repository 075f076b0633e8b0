-- What is known of each table and column: one row per version of an entry, the highest version being in force.
-- Fields of words, `type` and `gone` never change in a row; `facts` and `position` follow the newest dataset version.
-- `change` counts the transactions that touched the dictionary, so that readers see whether their copy is still good.
CREATE TABLE dictionary (
    asset VARCHAR NOT NULL,
    version INTEGER NOT NULL,
    kind VARCHAR NOT NULL,
    dataset VARCHAR NOT NULL,
    column_name VARCHAR NOT NULL,
    position INTEGER NOT NULL,
    type VARCHAR NOT NULL,
    description VARCHAR NOT NULL,
    business_name VARCHAR NOT NULL,
    unit VARCHAR NOT NULL,
    role VARCHAR NOT NULL,
    owner VARCHAR NOT NULL,
    tags JSON NOT NULL,
    sensitivity VARCHAR NOT NULL,
    available_at VARCHAR NOT NULL,
    allowed_values JSON NOT NULL,
    usage VARCHAR NOT NULL,
    writers JSON NOT NULL,
    facts JSON NOT NULL,
    gone BOOLEAN NOT NULL,
    actor VARCHAR NOT NULL,
    changed TIMESTAMP NOT NULL,
    change BIGINT NOT NULL,
    PRIMARY KEY (asset, version)
);

-- Columns whose values are found in another table: `coverage` is the share of non-null rows that are.
CREATE TABLE relationships (
    dataset VARCHAR NOT NULL,
    columns JSON NOT NULL,
    to_dataset VARCHAR NOT NULL,
    to_columns JSON NOT NULL,
    coverage DOUBLE NOT NULL,
    value_coverage DOUBLE NOT NULL,
    rows BIGINT NOT NULL,
    unmatched JSON NOT NULL,
    found TIMESTAMP NOT NULL,
    change BIGINT NOT NULL
);
