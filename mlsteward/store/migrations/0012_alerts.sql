-- The audit log becomes a chain: `hash` covers the row and the hash of the row before it, `previous`, so that a row
-- altered, removed or put in between is found. `activity_head` has the last row's number and hash: reading it does not
-- scan the log, and rows cut off at the end are missed.
CREATE TABLE chained_activity (
    number BIGINT NOT NULL,
    created TIMESTAMP NOT NULL,
    actor VARCHAR NOT NULL,
    client VARCHAR NOT NULL,
    action VARCHAR NOT NULL,
    asset VARCHAR NOT NULL,
    why VARCHAR NOT NULL,
    run BIGINT,
    previous VARCHAR NOT NULL,
    hash VARCHAR NOT NULL
);
INSERT INTO chained_activity
WITH RECURSIVE
listed AS MATERIALIZED (
    SELECT row_number() OVER (ORDER BY created, rowid) AS number, * FROM activity
),
chain AS (
    SELECT number, created, actor, client, action, asset, why, run, '' AS previous,
        sha256(json_array(
            number, strftime(created, '%Y-%m-%dT%H:%M:%S.%fZ'), actor, client, action, asset, why, run, ''
        )) AS hash
    FROM listed WHERE number = 1
    UNION ALL
    SELECT l.number, l.created, l.actor, l.client, l.action, l.asset, l.why, l.run, c.hash,
        sha256(json_array(
            l.number, strftime(l.created, '%Y-%m-%dT%H:%M:%S.%fZ'), l.actor, l.client, l.action, l.asset, l.why, l.run,
            c.hash
        ))
    FROM chain AS c JOIN listed AS l ON l.number = c.number + 1
)
SELECT * FROM chain ORDER BY number;
DROP TABLE activity;
ALTER TABLE chained_activity RENAME TO activity;
CREATE TABLE activity_head (number BIGINT NOT NULL, hash VARCHAR NOT NULL);
INSERT INTO activity_head
SELECT coalesce(max(number), 0), coalesce(arg_max(hash, number), '') FROM activity;

-- One row per asset (without version) and check; the same failure again counts, and reopens what was resolved.
CREATE TABLE alerts (
    number BIGINT PRIMARY KEY,
    asset VARCHAR NOT NULL,
    check_name VARCHAR NOT NULL,
    severity VARCHAR NOT NULL CHECK (severity IN ('info', 'warning', 'error')),
    state VARCHAR NOT NULL CHECK (state IN ('open', 'acknowledged', 'resolved')),
    words VARCHAR NOT NULL,
    evidence JSON NOT NULL,
    downstream JSON NOT NULL,
    cause JSON NOT NULL,
    first_seen TIMESTAMP NOT NULL,
    last_seen TIMESTAMP NOT NULL,
    count BIGINT NOT NULL,
    version VARCHAR NOT NULL,
    run BIGINT
);

-- Every change of an alert's state. `payload` is what a webhook or command is given of it.
CREATE TABLE alert_events (
    number BIGINT PRIMARY KEY,
    alert BIGINT NOT NULL,
    created TIMESTAMP NOT NULL,
    event VARCHAR NOT NULL,
    state VARCHAR NOT NULL,
    actor VARCHAR NOT NULL,
    client VARCHAR NOT NULL,
    note VARCHAR NOT NULL,
    run BIGINT,
    payload JSON NOT NULL
);

-- What became of sending an event: claimed under a lease that ends at `due`, to be tried again then, delivered, failed.
CREATE TABLE alert_deliveries (
    event BIGINT NOT NULL,
    channel VARCHAR NOT NULL,
    state VARCHAR NOT NULL CHECK (state IN ('claimed', 'retry', 'delivered', 'failed')),
    attempts INTEGER NOT NULL,
    due TIMESTAMP NOT NULL,
    error VARCHAR NOT NULL,
    PRIMARY KEY (event, channel)
);
