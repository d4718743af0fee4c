-- Version 3: what `submit` says of a run. The run's request.json has the whole truth; here is what scheduling, filters
-- and lists need.

ALTER TABLE jobs ADD COLUMN name TEXT;
ALTER TABLE jobs ADD COLUMN tags TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(tags));
ALTER TABLE jobs ADD COLUMN notes TEXT;
-- The stored environment that it runs in (attempts/environment.py); NULL is the daemon's.
ALTER TABLE jobs ADD COLUMN env_id TEXT;
-- SHA-256 of its request.json; NULL is not checked: the job was queued by an older version.
ALTER TABLE jobs ADD COLUMN request_sha TEXT;
-- Which failures are tried again, and how often each rule was used (core/retrying.py).
ALTER TABLE jobs ADD COLUMN retry_rules TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(retry_rules));
ALTER TABLE jobs ADD COLUMN retries_used TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(retries_used));

-- How many of a group's runs go on at once, at most.
ALTER TABLE groups ADD COLUMN run_limit INTEGER CHECK (run_limit >= 1);

-- A job waits until all its edges are met; `parent` is a job's or a group's id.
CREATE TABLE dependencies (
    job_id    TEXT NOT NULL REFERENCES jobs (job_id) ON DELETE CASCADE,
    parent    TEXT NOT NULL,
    kind      TEXT NOT NULL CHECK (kind IN ('run', 'group')),
    condition TEXT NOT NULL CHECK (condition IN ('ok', 'any', 'fail')),
    met       INTEGER NOT NULL DEFAULT 0 CHECK (met IN (0, 1)),
    PRIMARY KEY (job_id, parent, condition)
) STRICT, WITHOUT ROWID;

CREATE INDEX dependencies_by_parent ON dependencies (parent, met);

CREATE TRIGGER jobs_described AFTER UPDATE OF name, tags, notes ON jobs
WHEN NEW.name IS NOT OLD.name OR NEW.tags <> OLD.tags OR NEW.notes IS NOT OLD.notes
BEGIN
    INSERT INTO journal (at, event, job_id, group_id, attempt, detail)
    VALUES (NEW.updated_at, 'described', NEW.job_id, NEW.group_id, NEW.attempt,
            json_object('name', NEW.name, 'tags', json(NEW.tags), 'notes', NEW.notes));
END;

DROP VIEW full_jobs;
CREATE VIEW full_jobs AS
SELECT seq, job_id, run_id, group_id, lane_id, run_dir, priority, state, cpus, gpus, vram_mb, mem_mb, attempt, lost,
       cancel_requested, dry_run_seconds, overrides, created_at, updated_at, started_at, finished_at, error, cause,
       metric_name, metric_value, held, blockers, delayed, not_before, version, name, tags, notes, env_id, request_sha,
       retry_rules, retries_used
FROM jobs CROSS JOIN shapes USING (shape_id);
