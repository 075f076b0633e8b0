-- What a person is asked to allow, written before anybody is asked. `refused` has the gates that failed: such a request
-- waits for nobody, and a person may still override it. `subject` is what at most one request may wait for.
CREATE TABLE approvals (
    number BIGINT PRIMARY KEY,
    run BIGINT NOT NULL,
    action VARCHAR NOT NULL,
    asset VARCHAR NOT NULL,
    subject VARCHAR NOT NULL,
    summary VARCHAR NOT NULL,
    refused JSON NOT NULL,
    ways JSON NOT NULL,
    state VARCHAR NOT NULL CHECK (
        state IN ('pending', 'refused', 'granted', 'denied', 'expired', 'superseded', 'stale', 'withdrawn')
    ),
    actor VARCHAR NOT NULL,
    client VARCHAR NOT NULL,
    reason VARCHAR NOT NULL,
    created TIMESTAMP NOT NULL,
    expires TIMESTAMP NOT NULL,
    asked TIMESTAMP,
    decided TIMESTAMP,
    approver VARCHAR NOT NULL,
    way VARCHAR NOT NULL,
    words VARCHAR NOT NULL
);

-- People who may approve in a terminal. The passphrase is kept as its scrypt hash.
CREATE TABLE approvers (
    name VARCHAR PRIMARY KEY,
    salt VARCHAR NOT NULL,
    hash VARCHAR NOT NULL,
    created TIMESTAMP NOT NULL,
    failures INTEGER NOT NULL,
    locked_until TIMESTAMP
);
