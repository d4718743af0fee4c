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

CREATE TRIGGER dependencies_made AFTER INSERT ON dependencies
BEGIN
    INSERT INTO journal (at, event, job_id, group_id, attempt, detail)
    SELECT updated_at, 'waits_for', job_id, group_id, attempt,
           json_object('kind', NEW.kind, 'parent', NEW.parent, 'condition', NEW.condition)
    FROM jobs WHERE job_id = NEW.job_id;
END;

-- Not when the job itself goes.
CREATE TRIGGER dependencies_gone AFTER DELETE ON dependencies
BEGIN
    INSERT INTO journal (at, event, job_id, group_id, attempt, detail)
    SELECT updated_at, 'waits_no_more', job_id, group_id, attempt,
           json_object('kind', OLD.kind, 'parent', OLD.parent, 'condition', OLD.condition)
    FROM jobs WHERE job_id = OLD.job_id;
END;

CREATE TRIGGER dependencies_stay_met BEFORE UPDATE ON dependencies
WHEN NEW.met < OLD.met OR NEW.job_id <> OLD.job_id OR NEW.parent <> OLD.parent OR NEW.kind <> OLD.kind
     OR NEW.condition <> OLD.condition
BEGIN SELECT RAISE(ABORT, 'an edge is only ever met'); END;

-- A lane that is paused, or has as many runs going on as its group may have, offers no job. One bit says so beside
-- each of its needs.
DROP TRIGGER lanes_turned;
DROP TRIGGER jobs_counted;
DROP TRIGGER jobs_enqueued;
ALTER TABLE lane_shapes RENAME COLUMN is_paused TO is_closed;
ALTER TABLE lanes ADD COLUMN run_limit INTEGER CHECK (run_limit >= 1);
ALTER TABLE lanes ADD COLUMN is_closed INTEGER AS (is_paused = 1 OR ifnull(running >= run_limit, 0)) VIRTUAL;

-- The first entry of a job says what else must come back with it after a damage.
CREATE TRIGGER jobs_enqueued AFTER INSERT ON jobs
BEGIN
    INSERT INTO journal (at, event, job_id, group_id, to_state, attempt, detail)
    SELECT NEW.updated_at, 'enqueued', NEW.job_id, NEW.group_id, NEW.state, NEW.attempt,
           json_object('run_id', NEW.run_id, 'priority', NEW.priority, 'requires_gpu', gpus > 0,
                       'needs', json_object('cpus', cpus, 'gpus', gpus, 'vram_mb', vram_mb, 'mem_mb', mem_mb),
                       'name', NEW.name, 'tags', json(NEW.tags), 'notes', NEW.notes, 'env_id', NEW.env_id,
                       'request_sha', NEW.request_sha, 'retry_rules', json(NEW.retry_rules))
    FROM shapes WHERE shape_id = NEW.shape_id;
    INSERT INTO journal (at, event, job_id, group_id, attempt, detail)
    SELECT NEW.updated_at, 'gates_set', NEW.job_id, NEW.group_id, NEW.attempt,
           json_object('held', NEW.held, 'blockers', NEW.blockers, 'delayed', NEW.delayed,
                       'not_before', NEW.not_before)
    WHERE NEW.is_gated = 1 OR NEW.not_before IS NOT NULL;
    UPDATE lanes SET queued = queued + 1 WHERE lane_id = NEW.lane_id;
    INSERT INTO lane_shapes (lane_id, shape_id, ready, served, is_closed)
    SELECT lane_id, NEW.shape_id, NEW.is_gated = 0, served, is_closed FROM lanes WHERE lane_id = NEW.lane_id
    ON CONFLICT (lane_id, shape_id) DO UPDATE SET ready = ready + excluded.ready;
END;

CREATE TRIGGER jobs_edited AFTER UPDATE OF version, request_sha, env_id, retry_rules ON jobs
WHEN NEW.version <> OLD.version OR NEW.request_sha IS NOT OLD.request_sha OR NEW.env_id IS NOT OLD.env_id
     OR NEW.retry_rules <> OLD.retry_rules
BEGIN
    INSERT INTO journal (at, event, job_id, group_id, attempt, detail)
    VALUES (NEW.updated_at, 'edited', NEW.job_id, NEW.group_id, NEW.attempt,
            json_object('version', NEW.version, 'env_id', NEW.env_id, 'request_sha', NEW.request_sha,
                        'retry_rules', json(NEW.retry_rules), 'was', OLD.request_sha));
END;

CREATE TRIGGER jobs_placed AFTER UPDATE OF position ON jobs WHEN NEW.position IS NOT OLD.position
BEGIN
    INSERT INTO journal (at, event, job_id, group_id, attempt, detail)
    VALUES (NEW.updated_at, 'moved', NEW.job_id, NEW.group_id, NEW.attempt,
            json_object('position', NEW.position));
END;

CREATE TRIGGER lanes_turned AFTER UPDATE OF served, is_paused, running, run_limit ON lanes
WHEN NEW.served <> OLD.served OR NEW.is_closed <> OLD.is_closed
BEGIN
    UPDATE lane_shapes SET served = NEW.served, is_closed = NEW.is_closed WHERE lane_id = NEW.lane_id;
END;

CREATE TRIGGER jobs_counted AFTER UPDATE OF state, shape_id, held, blockers, delayed ON jobs
WHEN (OLD.state = 'queued' AND OLD.is_gated = 0) <> (NEW.state = 'queued' AND NEW.is_gated = 0)
     OR NEW.shape_id <> OLD.shape_id
BEGIN
    UPDATE lane_shapes SET ready = ready - 1
    WHERE lane_id = OLD.lane_id AND shape_id = OLD.shape_id AND OLD.state = 'queued' AND OLD.is_gated = 0;
    INSERT INTO lane_shapes (lane_id, shape_id, ready, served, is_closed)
    SELECT lane_id, NEW.shape_id, 1, served, is_closed FROM lanes
    WHERE lane_id = NEW.lane_id AND NEW.state = 'queued' AND NEW.is_gated = 0
    ON CONFLICT (lane_id, shape_id) DO UPDATE SET ready = ready + 1;
END;

DROP TRIGGER groups_created;
CREATE TRIGGER groups_created AFTER INSERT ON groups
BEGIN
    UPDATE lanes SET run_limit = NEW.run_limit WHERE lane_id = NEW.lane_id AND NEW.run_limit IS NOT NULL;
    INSERT INTO journal (at, event, group_id, detail)
    VALUES (NEW.updated_at, 'group_created', NEW.group_id,
            json_object('name', NEW.name, 'run_limit', NEW.run_limit));
    INSERT INTO journal (at, event, group_id)
    SELECT NEW.updated_at, 'group_opened', NEW.group_id WHERE NEW.is_open = 1;
END;

CREATE TRIGGER groups_limited AFTER UPDATE OF run_limit ON groups WHEN NEW.run_limit IS NOT OLD.run_limit
BEGIN
    UPDATE lanes SET run_limit = NEW.run_limit WHERE lane_id = NEW.lane_id;
    INSERT INTO journal (at, event, group_id, detail)
    VALUES (NEW.updated_at, 'group_limited', NEW.group_id, json_object('run_limit', NEW.run_limit));
END;

-- What clients read in group.json: its entry has it written anew.
CREATE TRIGGER groups_described AFTER UPDATE OF name, notes, objective_metric, direction ON groups
WHEN NEW.name <> OLD.name OR NEW.notes IS NOT OLD.notes OR NEW.objective_metric IS NOT OLD.objective_metric
     OR NEW.direction <> OLD.direction
BEGIN
    INSERT INTO journal (at, event, group_id, detail)
    VALUES (NEW.updated_at, 'group_described', NEW.group_id,
            json_object('name', NEW.name, 'notes', NEW.notes, 'objective_metric', NEW.objective_metric,
                        'direction', NEW.direction));
END;
