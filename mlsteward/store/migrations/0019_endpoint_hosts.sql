-- The names under which an endpoint may be called, as they were allowed when it was deployed.
ALTER TABLE deployments ADD COLUMN allowed_hosts JSON DEFAULT '[]';
