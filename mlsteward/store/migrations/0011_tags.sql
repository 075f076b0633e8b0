-- Names that people gave to versions: `flights@golden`. A tag stands on one version at a time.
CREATE TABLE dataset_tags (
    dataset VARCHAR NOT NULL,
    tag VARCHAR NOT NULL,
    version INTEGER NOT NULL,
    actor VARCHAR NOT NULL,
    created TIMESTAMP NOT NULL,
    PRIMARY KEY (dataset, tag)
);

-- When the rows of a version were given up; what is known of them stays.
ALTER TABLE dataset_versions ADD COLUMN collected TIMESTAMP;
