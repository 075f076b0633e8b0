-- Terms and models have entries of the dictionary too: a term's definition is its description, its spelling its
-- business name. `sql` makes a term a metric; `since` is the day on which `status` was last given.
ALTER TABLE dictionary ADD COLUMN synonyms JSON DEFAULT '[]';
ALTER TABLE dictionary ADD COLUMN sql VARCHAR DEFAULT '';
ALTER TABLE dictionary ADD COLUMN status VARCHAR DEFAULT '';
ALTER TABLE dictionary ADD COLUMN successor VARCHAR DEFAULT '';
ALTER TABLE dictionary ADD COLUMN since VARCHAR DEFAULT '';
ALTER TABLE dictionary ADD COLUMN review_by VARCHAR DEFAULT '';

-- Which term is about which asset: one row per version of a link, the highest version being in force.
CREATE TABLE links (
    term VARCHAR NOT NULL,
    asset VARCHAR NOT NULL,
    version INTEGER NOT NULL,
    state VARCHAR NOT NULL,
    origin VARCHAR NOT NULL,
    confidence DOUBLE NOT NULL,
    reason VARCHAR NOT NULL,
    actor VARCHAR NOT NULL,
    changed TIMESTAMP NOT NULL,
    PRIMARY KEY (term, asset, version)
);

-- What people said of an asset, which is written without its version; a rating of 0 is none.
CREATE TABLE comments (
    number INTEGER PRIMARY KEY,
    asset VARCHAR NOT NULL,
    version VARCHAR NOT NULL,
    text VARCHAR NOT NULL,
    rating INTEGER NOT NULL,
    actor VARCHAR NOT NULL,
    client VARCHAR NOT NULL,
    created TIMESTAMP NOT NULL
);

-- What a metric gave: for each of its statements, on these versions of its datasets, with these columns masked.
CREATE TABLE metric_values (
    term VARCHAR NOT NULL,
    sql VARCHAR NOT NULL,
    datasets JSON NOT NULL,
    masked JSON NOT NULL,
    "values" JSON NOT NULL,
    error VARCHAR NOT NULL,
    measured TIMESTAMP NOT NULL
);

-- One row, which counts the changes of all that readers of the dictionary remember: entries, relationships, links,
-- comments, alerts. It takes the place of a number beside each row.
CREATE TABLE dictionary_changes (count BIGINT NOT NULL);
INSERT INTO dictionary_changes VALUES (1);
ALTER TABLE dictionary DROP COLUMN change;
ALTER TABLE relationships DROP COLUMN change;
