-- Columns that people label, and how their rows are named: the same way in every version.
CREATE TABLE label_columns (
    dataset VARCHAR NOT NULL,
    column_name VARCHAR NOT NULL,
    identity JSON NOT NULL,
    PRIMARY KEY (dataset, column_name)
);

-- Every label that anybody gave. Nothing is changed here: who labels a row again adds a row, and the last one counts.
CREATE TABLE labels (
    dataset VARCHAR NOT NULL,
    column_name VARCHAR NOT NULL,
    row_name VARCHAR NOT NULL,
    value VARCHAR NOT NULL,
    annotator VARCHAR NOT NULL,
    actor VARCHAR NOT NULL,
    created TIMESTAMP NOT NULL,
    run BIGINT NOT NULL
);
