-- The steps of pipelines: what each was asked, with which inputs, and the run that did it. `step_key` is the same for
-- the same work by the same code.
CREATE TABLE pipeline_steps (
    run BIGINT NOT NULL,
    place INTEGER NOT NULL,
    id VARCHAR NOT NULL,
    state VARCHAR NOT NULL,
    step_key VARCHAR NOT NULL,
    inputs JSON NOT NULL,
    step_run BIGINT NOT NULL,
    made JSON NOT NULL,
    started TIMESTAMP NOT NULL,
    PRIMARY KEY (run, place)
);
