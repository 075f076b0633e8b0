-- What came out of what. No key and no index: edges are read by the assets of one step at a time, from a table that
-- holds little, and a write must stay cheap.
CREATE TABLE lineage (
    source VARCHAR NOT NULL,
    target VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    run BIGINT,
    detail JSON NOT NULL,
    created TIMESTAMP NOT NULL
);

-- What the store knew before: where versions came from, and what models were trained on.
INSERT INTO lineage
SELECT 'source:' || source, 'dataset:' || name || '@' || version, 'register', run, '{}', created
FROM dataset_versions WHERE source <> '' AND NOT regexp_matches(source, '^(model|run):');

INSERT INTO lineage
SELECT source, 'dataset:' || name || '@' || version, 'predict', run, '{}', created
FROM dataset_versions WHERE regexp_matches(source, '^(model|run):');

INSERT INTO lineage
SELECT origin, target, if(sql = '', 'predict', 'transform'), run,
    -- A statement writes a version in double quotes.
    if(contains(lower(sql), '"' || substr(origin, 9) || '"'), '{"columns": "unknown", "pinned": true}',
        '{"columns": "unknown"}'),
    created
FROM (
    SELECT unnest(from_json(sources, '["VARCHAR"]')) AS origin, 'dataset:' || name || '@' || version AS target, sql,
        run, created
    FROM dataset_versions
);

INSERT INTO lineage
SELECT 'dataset:' || dataset, if(name = '', 'run:' || run, 'model:' || name || '@' || version), 'train', run, '{}',
    created
FROM models;

INSERT INTO lineage
SELECT 'column:' || dataset || '.' || target, if(name = '', 'run:' || run, 'model:' || name || '@' || version),
    'target', run, '{}', created
FROM models;

INSERT INTO lineage
WITH features AS (
    SELECT run, unnest(from_json(signature, '[{"name": "VARCHAR"}]')).name AS feature FROM models
), measured AS (
    SELECT number AS run, unnest(found) AS line, generate_subscripts(found, 1) AS rank
    FROM (
        SELECT number, from_json(result -> 'importance', '[{"columns": ["VARCHAR"], "value": "DOUBLE"}]') AS found
        FROM runs WHERE kind = 'train'
    )
), ranked AS (
    SELECT run, unnest(line.columns) AS feature, line.value AS value, rank FROM measured
)
SELECT 'column:' || m.dataset || '.' || f.feature, if(m.name = '', 'run:' || m.run, 'model:' || m.name || '@' || m.version),
    'feature', m.run,
    if(r.rank IS NULL, '{}', json_object('importance', r.value, 'metric', m.metric, 'rank', r.rank)), m.created
FROM features AS f JOIN models AS m USING (run) LEFT JOIN ranked AS r ON r.run = f.run AND r.feature = f.feature;

-- Evaluations and explanations are called after the model's version.
INSERT INTO lineage
SELECT unnest([if(starts_with(name, 'run:'), name, 'model:' || name), 'dataset:' || dataset]), 'run:' || number, kind,
    number, '{}', created
FROM runs
WHERE kind IN ('evaluate', 'explain') AND state = 'completed' AND name <> '' AND dataset <> '';

INSERT INTO lineage
SELECT 'dataset:' || dataset, 'run:' || number, kind, number, '{}', created
FROM runs WHERE kind = 'drift' AND state = 'completed' AND dataset <> '';

-- The statements that made what a model was trained on, the farthest first: serving applies them.
ALTER TABLE models ADD COLUMN transforms JSON DEFAULT '[]';
UPDATE models SET transforms = made.steps
FROM (
    WITH RECURSIVE origins AS (
        SELECT run, dataset AS label, 0 AS depth FROM models
        UNION
        SELECT o.run, substr(unnest(from_json(v.sources, '["VARCHAR"]')), 9), o.depth + 1
        FROM origins AS o JOIN dataset_versions AS v ON v.name || '@' || v.version = o.label
    ), farthest AS (
        SELECT run, label, max(depth) AS depth FROM origins GROUP BY ALL
    )
    SELECT f.run, to_json(list(
        {dataset: f.label, sql: v.sql, sources: list_transform(from_json(v.sources, '["VARCHAR"]'), lambda s: substr(s, 9))}
        ORDER BY f.depth DESC
    )) AS steps
    FROM farthest AS f JOIN dataset_versions AS v ON v.name || '@' || v.version = f.label
    WHERE v.sql <> '' GROUP BY f.run
) AS made
WHERE made.run = models.run;
