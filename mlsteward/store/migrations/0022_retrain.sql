-- Retrainings that are about to be started by a trigger: of several servers that look, one takes it.
CREATE TABLE retrain_claims (
    model VARCHAR PRIMARY KEY,
    until TIMESTAMP NOT NULL
);
