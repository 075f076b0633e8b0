-- Bearer tokens of the HTTP server: only hashes are kept.
CREATE TABLE tokens (
    name VARCHAR PRIMARY KEY,
    hash VARCHAR NOT NULL UNIQUE,
    scope VARCHAR NOT NULL CHECK (scope IN ('read', 'write', 'admin')),
    created TIMESTAMP NOT NULL,
    revoked TIMESTAMP
);
