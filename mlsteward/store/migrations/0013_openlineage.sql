-- Which workspace this is, for identifiers that other systems keep; a copy of a workspace stays the same one.
CREATE TABLE workspace_identity (id VARCHAR NOT NULL);
INSERT INTO workspace_identity SELECT CAST(uuid() AS VARCHAR);

-- How far a sink of lineage events was told of runs: all of those up to `told`, which began before anybody named it or
-- of which it has everything, and of later ones what `openlineage_told` says.
CREATE TABLE openlineage_sinks (
    sink VARCHAR PRIMARY KEY,
    told BIGINT NOT NULL
);
CREATE TABLE openlineage_told (
    sink VARCHAR NOT NULL,
    run BIGINT NOT NULL,
    ended BOOLEAN NOT NULL,
    PRIMARY KEY (sink, run)
);
