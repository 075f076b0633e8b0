-- Clearances: what readers see, and what runs were made of. Tokens from before see everything, as they did.
ALTER TABLE tokens ADD COLUMN clearance VARCHAR DEFAULT 'restricted';

-- `reads` has the dataset versions whose rows a run worked on, `masked` the columns that were kept from it.
ALTER TABLE runs ADD COLUMN reads JSON DEFAULT '[]';
ALTER TABLE runs ADD COLUMN masked JSON DEFAULT '[]';
UPDATE runs SET reads = json_array(dataset) WHERE dataset <> '';

-- Sensitivity was free text. A word that is no level stays as a tag, and what it was said of becomes confidential.
UPDATE dictionary SET sensitivity = lower(trim(sensitivity))
WHERE lower(trim(sensitivity)) IN ('public', 'internal', 'confidential', 'restricted');
UPDATE dictionary
SET tags = to_json(list_append(from_json(tags, '["VARCHAR"]'), 'sensitivity: ' || sensitivity)),
    sensitivity = 'confidential'
WHERE sensitivity NOT IN ('', 'public', 'internal', 'confidential', 'restricted');
