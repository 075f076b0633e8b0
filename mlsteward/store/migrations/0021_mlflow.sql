-- Runs that MLflow's clients log here are runs like others; this is what those clients call them by. `experiment` is
-- the id of an experiment, `inputs` and `outputs` are MLflow's own words for datasets and models.
CREATE TABLE mlflow_runs (
    run_id VARCHAR PRIMARY KEY,
    run BIGINT NOT NULL,
    experiment VARCHAR NOT NULL,
    stage VARCHAR NOT NULL CHECK (stage IN ('active', 'deleted')),
    user_name VARCHAR NOT NULL,
    inputs JSON NOT NULL,
    outputs JSON NOT NULL
);

-- What else MLflow keeps: experiments, logged models, registered models and their versions, by their ids there.
CREATE TABLE mlflow_assets (
    kind VARCHAR NOT NULL CHECK (kind IN ('experiment', 'logged model', 'registered model', 'version')),
    id VARCHAR NOT NULL,
    body JSON NOT NULL,
    PRIMARY KEY (kind, id)
);

-- When a value was measured, where whoever logged it says so.
ALTER TABLE metrics ADD COLUMN time TIMESTAMP;
ALTER TABLE latest_metrics ADD COLUMN time TIMESTAMP;
