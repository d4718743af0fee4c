-- Version 2: what a run needs is a row of `shapes`; a run may hold several devices; gates keep a queued run from
-- starting; a sweep may stay open. `held`, `blockers`, `delayed`, `position`, `version`, `backend` and `is_open` are
-- room: no command sets them yet, but everything here honours and journals them.

-- Distinct needs. Rows are added and never changed. Shapes 1 and 2 are what version 1 knew: no GPU, or one.
CREATE TABLE shapes (
    shape_id INTEGER PRIMARY KEY,
    cpus     INTEGER NOT NULL DEFAULT 1 CHECK (cpus >= 1),
    gpus     INTEGER NOT NULL DEFAULT 0 CHECK (gpus >= 0),
    vram_mb  INTEGER NOT NULL DEFAULT 0 CHECK (vram_mb >= 0 AND (vram_mb = 0 OR gpus > 0)),
    mem_mb   INTEGER NOT NULL DEFAULT 0 CHECK (mem_mb >= 0),
    backend  TEXT NOT NULL DEFAULT 'local',
    UNIQUE (gpus, cpus, vram_mb, mem_mb, backend)
) STRICT;

INSERT INTO shapes (shape_id, gpus) VALUES (1, 0), (2, 1);

-- Of each lane and each need: how many jobs are ready, that is queued and not gated. The lane's turn stands here
-- too, so that one index gives the lane whose turn it is among those that have such a job.
CREATE TABLE lane_shapes (
    row_id    INTEGER PRIMARY KEY,
    lane_id   INTEGER NOT NULL REFERENCES lanes (lane_id),
    shape_id  INTEGER NOT NULL REFERENCES shapes (shape_id),
    ready     INTEGER NOT NULL DEFAULT 0 CHECK (ready >= 0),
    served    INTEGER NOT NULL,
    is_paused INTEGER NOT NULL CHECK (is_paused IN (0, 1)),
    UNIQUE (lane_id, shape_id)
) STRICT;

CREATE INDEX lanes_ready ON lane_shapes (shape_id, served, lane_id) WHERE ready > 0 AND is_paused = 0;

-- These name the columns that go.
DROP TRIGGER jobs_enqueued;
DROP TRIGGER jobs_moved;
DROP INDEX jobs_next;
DROP INDEX lanes_with_cpu_work;
DROP INDEX lanes_with_gpu_work;

ALTER TABLE jobs ADD COLUMN shape_id INTEGER NOT NULL DEFAULT 1 REFERENCES shapes (shape_id);
UPDATE jobs SET shape_id = 2 WHERE requires_gpu = 1;
ALTER TABLE jobs DROP COLUMN requires_gpu;
ALTER TABLE jobs ADD COLUMN held INTEGER NOT NULL DEFAULT 0 CHECK (held IN (0, 1));
ALTER TABLE jobs ADD COLUMN blockers INTEGER NOT NULL DEFAULT 0 CHECK (blockers >= 0);
ALTER TABLE jobs ADD COLUMN not_before TEXT;
ALTER TABLE jobs ADD COLUMN delayed INTEGER NOT NULL DEFAULT 0
    CHECK (delayed IN (0, 1) AND (delayed = 0 OR not_before IS NOT NULL));
ALTER TABLE jobs ADD COLUMN is_gated INTEGER AS (held = 1 OR blockers > 0 OR delayed = 1) VIRTUAL;
-- Order among equals in priority: a job that was not moved stands at its number.
ALTER TABLE jobs ADD COLUMN position REAL;
ALTER TABLE jobs ADD COLUMN place REAL AS (ifnull(position, seq)) VIRTUAL;
ALTER TABLE jobs ADD COLUMN version INTEGER NOT NULL DEFAULT 0 CHECK (version >= 0);

CREATE INDEX jobs_next ON jobs (lane_id, shape_id, is_gated, priority DESC, place, seq)
    WHERE state = 'queued';

CREATE INDEX jobs_delayed ON jobs (not_before) WHERE state = 'queued' AND delayed = 1;

-- Jobs with what they need, as the store reads them. Very many are read: each column costs.
CREATE VIEW full_jobs AS
SELECT seq, job_id, run_id, group_id, lane_id, run_dir, priority, state, cpus, gpus, vram_mb, mem_mb, attempt, lost,
       cancel_requested, dry_run_seconds, overrides, created_at, updated_at, started_at, finished_at, error, cause,
       metric_name, metric_value, held, blockers, delayed, not_before
FROM jobs CROSS JOIN shapes USING (shape_id);

-- `queued` counts every queued job, gated or not.
ALTER TABLE lanes ADD COLUMN queued INTEGER NOT NULL DEFAULT 0 CHECK (queued >= 0);
UPDATE lanes SET queued = queued_cpu + queued_gpu;
ALTER TABLE lanes DROP COLUMN queued_cpu;
ALTER TABLE lanes DROP COLUMN queued_gpu;

INSERT INTO lane_shapes (lane_id, shape_id, ready, served, is_paused)
SELECT lane_id, shape_id, sum(state = 'queued'), served, is_paused
FROM jobs CROSS JOIN lanes USING (lane_id) GROUP BY lane_id, shape_id;

-- A GPU slot in use, and what its job has of the device behind it. `device` is a UUID, or NULL where the machine has
-- none. `share_mb` NULL is the whole device, 0 a part that nobody measures: there are more slots than devices.
CREATE TABLE device_grants (
    slot_no  INTEGER PRIMARY KEY CHECK (slot_no >= 0),
    job_id   TEXT NOT NULL REFERENCES jobs (job_id),
    device   TEXT,
    share_mb INTEGER CHECK (share_mb >= 0),
    UNIQUE (job_id, device)
) STRICT;

INSERT INTO device_grants (slot_no, job_id, device, share_mb)
SELECT slot_no, job_id, gpu_uuid,
       iif(gpu_uuid IS NOT NULL AND count(*) OVER (PARTITION BY gpu_uuid) > 1, 0, NULL)
FROM slots JOIN jobs USING (job_id) LEFT JOIN attempts USING (job_id, attempt)
WHERE kind = 'gpu';

CREATE INDEX grants_by_device ON device_grants (device);

CREATE TRIGGER devices_are_granted_once BEFORE INSERT ON device_grants
WHEN EXISTS (SELECT 1 FROM device_grants
             WHERE device = NEW.device AND (share_mb IS NULL OR NEW.share_mb IS NULL))
BEGIN SELECT RAISE(ABORT, 'a device that is granted whole is granted once'); END;

CREATE TRIGGER devices_stay_granted_once BEFORE UPDATE ON device_grants
WHEN NEW.device IS NOT OLD.device OR NEW.job_id <> OLD.job_id OR (NEW.share_mb IS NULL AND OLD.share_mb IS NOT NULL)
BEGIN SELECT RAISE(ABORT, 'a grant can only shrink'); END;

-- A row is a slot in use: none is given twice, and no job has two.
CREATE TABLE slots_of_runs (
    slot_no INTEGER PRIMARY KEY CHECK (slot_no >= 0),
    job_id  TEXT NOT NULL UNIQUE REFERENCES jobs (job_id)
) STRICT;

INSERT INTO slots_of_runs (slot_no, job_id) SELECT slot_no, job_id FROM slots WHERE kind = 'cpu';
DROP TABLE slots;
ALTER TABLE slots_of_runs RENAME TO slots;

-- The devices that an attempt was given, as a list of UUIDs; the grant itself goes when the attempt ends.
ALTER TABLE attempts ADD COLUMN devices TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(devices));
UPDATE attempts SET devices = json_array(gpu_uuid) WHERE gpu_uuid IS NOT NULL;
ALTER TABLE attempts DROP COLUMN gpu_uuid;

-- An open group is not over when nothing of it is left to do: more will come.
ALTER TABLE groups ADD COLUMN is_open INTEGER NOT NULL DEFAULT 0 CHECK (is_open IN (0, 1));

CREATE TRIGGER jobs_enqueued AFTER INSERT ON jobs
BEGIN
    INSERT INTO journal (at, event, job_id, group_id, to_state, attempt, detail)
    SELECT NEW.updated_at, 'enqueued', NEW.job_id, NEW.group_id, NEW.state, NEW.attempt,
           json_object('run_id', NEW.run_id, 'priority', NEW.priority, 'requires_gpu', gpus > 0,
                       'needs', json_object('cpus', cpus, 'gpus', gpus, 'vram_mb', vram_mb, 'mem_mb', mem_mb))
    FROM shapes WHERE shape_id = NEW.shape_id;
    INSERT INTO journal (at, event, job_id, group_id, attempt, detail)
    SELECT NEW.updated_at, 'gates_set', NEW.job_id, NEW.group_id, NEW.attempt,
           json_object('held', NEW.held, 'blockers', NEW.blockers, 'delayed', NEW.delayed,
                       'not_before', NEW.not_before)
    WHERE NEW.is_gated = 1 OR NEW.not_before IS NOT NULL;
    UPDATE lanes SET queued = queued + 1 WHERE lane_id = NEW.lane_id;
    INSERT INTO lane_shapes (lane_id, shape_id, ready, served, is_paused)
    SELECT lane_id, NEW.shape_id, NEW.is_gated = 0, served, is_paused FROM lanes WHERE lane_id = NEW.lane_id
    ON CONFLICT (lane_id, shape_id) DO UPDATE SET ready = ready + excluded.ready;
END;

CREATE TRIGGER jobs_moved AFTER UPDATE OF state ON jobs WHEN NEW.state <> OLD.state
BEGIN
    INSERT INTO journal (at, event, job_id, group_id, from_state, to_state, attempt, detail)
    VALUES (NEW.updated_at,
            (SELECT event FROM transitions
             WHERE from_state = OLD.state AND to_state = NEW.state),
            NEW.job_id, NEW.group_id, OLD.state, NEW.state, NEW.attempt,
            json_object('error', NEW.error, 'cause', NEW.cause));
    UPDATE lanes SET
        queued    = queued    - (OLD.state = 'queued')    + (NEW.state = 'queued'),
        running   = running   - (OLD.state = 'running')   + (NEW.state = 'running'),
        succeeded = succeeded - (OLD.state = 'succeeded') + (NEW.state = 'succeeded'),
        failed    = failed    - (OLD.state = 'failed')    + (NEW.state = 'failed'),
        canceled  = canceled  - (OLD.state = 'canceled')  + (NEW.state = 'canceled')
    WHERE lane_id = NEW.lane_id;
END;

-- One trigger counts, whatever of it a statement changes.
CREATE TRIGGER jobs_counted AFTER UPDATE OF state, shape_id, held, blockers, delayed ON jobs
WHEN (OLD.state = 'queued' AND OLD.is_gated = 0) <> (NEW.state = 'queued' AND NEW.is_gated = 0)
     OR NEW.shape_id <> OLD.shape_id
BEGIN
    UPDATE lane_shapes SET ready = ready - 1
    WHERE lane_id = OLD.lane_id AND shape_id = OLD.shape_id AND OLD.state = 'queued' AND OLD.is_gated = 0;
    INSERT INTO lane_shapes (lane_id, shape_id, ready, served, is_paused)
    SELECT lane_id, NEW.shape_id, 1, served, is_paused FROM lanes
    WHERE lane_id = NEW.lane_id AND NEW.state = 'queued' AND NEW.is_gated = 0
    ON CONFLICT (lane_id, shape_id) DO UPDATE SET ready = ready + 1;
END;

CREATE TRIGGER jobs_gated AFTER UPDATE OF held, blockers, delayed, not_before ON jobs
WHEN NEW.held <> OLD.held OR NEW.blockers <> OLD.blockers OR NEW.delayed <> OLD.delayed
     OR NEW.not_before IS NOT OLD.not_before
BEGIN
    INSERT INTO journal (at, event, job_id, group_id, attempt, detail)
    VALUES (NEW.updated_at, 'gates_set', NEW.job_id, NEW.group_id, NEW.attempt,
            json_object('held', NEW.held, 'blockers', NEW.blockers, 'delayed', NEW.delayed,
                        'not_before', NEW.not_before));
END;

CREATE TRIGGER jobs_reshaped AFTER UPDATE OF shape_id ON jobs WHEN NEW.shape_id <> OLD.shape_id
BEGIN
    INSERT INTO journal (at, event, job_id, group_id, attempt, detail)
    SELECT NEW.updated_at, 'needs_set', NEW.job_id, NEW.group_id, NEW.attempt,
           json_object('cpus', cpus, 'gpus', gpus, 'vram_mb', vram_mb, 'mem_mb', mem_mb)
    FROM shapes WHERE shape_id = NEW.shape_id;
END;

CREATE TRIGGER jobs_gates_hold BEFORE UPDATE OF state ON jobs
WHEN NEW.state = 'running' AND OLD.state <> 'running' AND (NEW.held = 1 OR NEW.blockers > 0 OR NEW.delayed = 1)
BEGIN SELECT RAISE(ABORT, 'illegal transition: a job that is held, blocked or delayed cannot start'); END;

CREATE TRIGGER lanes_turned AFTER UPDATE OF served, is_paused ON lanes
WHEN NEW.served <> OLD.served OR NEW.is_paused <> OLD.is_paused
BEGIN
    UPDATE lane_shapes SET served = NEW.served, is_paused = NEW.is_paused WHERE lane_id = NEW.lane_id;
END;

CREATE TRIGGER groups_opened AFTER UPDATE OF is_open ON groups WHEN NEW.is_open <> OLD.is_open
BEGIN
    INSERT INTO journal (at, event, group_id)
    VALUES (NEW.updated_at, CASE NEW.is_open WHEN 1 THEN 'group_opened' ELSE 'group_closed' END, NEW.group_id);
END;

DROP TRIGGER groups_created;
CREATE TRIGGER groups_created AFTER INSERT ON groups
BEGIN
    INSERT INTO journal (at, event, group_id, detail)
    VALUES (NEW.updated_at, 'group_created', NEW.group_id, json_object('name', NEW.name));
    INSERT INTO journal (at, event, group_id)
    SELECT NEW.updated_at, 'group_opened', NEW.group_id WHERE NEW.is_open = 1;
END;

DROP TRIGGER groups_pruned;
CREATE TRIGGER groups_pruned AFTER DELETE ON groups
BEGIN
    INSERT INTO journal (at, event, group_id) VALUES (OLD.updated_at, 'group_pruned', OLD.group_id);
    DELETE FROM lane_shapes WHERE lane_id = OLD.lane_id;
    DELETE FROM lanes WHERE lane_id = OLD.lane_id;
END;

CREATE TRIGGER shapes_are_kept BEFORE UPDATE ON shapes
BEGIN SELECT RAISE(ABORT, 'a shape is never changed'); END;
