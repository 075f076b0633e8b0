-- What is served, a row for each endpoint, as it is wanted now.
CREATE TABLE deployments (
    name VARCHAR PRIMARY KEY,
    revision INTEGER NOT NULL,
    asked VARCHAR NOT NULL,
    model VARCHAR NOT NULL,
    shadow VARCHAR NOT NULL,
    shadow_model VARCHAR NOT NULL,
    canary INTEGER NOT NULL,
    canary_model VARCHAR NOT NULL,
    canary_since INTEGER NOT NULL,
    wanted VARCHAR NOT NULL,
    state VARCHAR NOT NULL,
    words VARCHAR NOT NULL,
    host VARCHAR NOT NULL,
    port INTEGER NOT NULL,
    run BIGINT,
    actor VARCHAR NOT NULL,
    created TIMESTAMP NOT NULL,
    changed TIMESTAMP NOT NULL
);

-- What was served when, and what became of it. Nothing is changed here. `before` is the revision that a rollback
-- returns to, 0 for none.
CREATE TABLE deployment_events (
    number BIGINT NOT NULL,
    deployment VARCHAR NOT NULL,
    revision INTEGER NOT NULL,
    before INTEGER NOT NULL,
    event VARCHAR NOT NULL,
    asked VARCHAR NOT NULL,
    model VARCHAR NOT NULL,
    shadow_model VARCHAR NOT NULL,
    canary INTEGER NOT NULL,
    canary_model VARCHAR NOT NULL,
    words VARCHAR NOT NULL,
    run BIGINT,
    actor VARCHAR NOT NULL,
    client VARCHAR NOT NULL,
    created TIMESTAMP NOT NULL
);
