-- Every version of every dataset's contract, the highest being in force. `dropped` ends a contract.
CREATE TABLE contracts (
    dataset VARCHAR NOT NULL,
    version INTEGER NOT NULL,
    columns JSON NOT NULL,
    checks JSON NOT NULL,
    mode VARCHAR NOT NULL CHECK (mode IN ('warn', 'block')),
    dropped BOOLEAN NOT NULL,
    actor VARCHAR NOT NULL,
    created TIMESTAMP NOT NULL,
    PRIMARY KEY (dataset, version)
);

-- Why a version is kept aside; '' for one that is not.
ALTER TABLE dataset_versions ADD COLUMN held VARCHAR DEFAULT '';
