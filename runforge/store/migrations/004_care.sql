-- Version 4: what runs used, devices that are put aside, sweeps that grow, pauses, guards, notices, and the code of a run.

-- Runs of one recipe differ only in what a sweep varies (core/recipe.py); configurations are equal if all of it is.
ALTER TABLE jobs ADD COLUMN recipe TEXT;
ALTER TABLE jobs ADD COLUMN config_hash TEXT;
-- Devices that it may have, as UUIDs with commas; empty is any. They are a part of what it needs: a run that waits
-- for its device keeps no other run of its group from starting. The column had another name, and was not used.
ALTER TABLE shapes RENAME COLUMN backend TO pins;
DROP TRIGGER shapes_are_kept;
UPDATE shapes SET pins = '';
CREATE TRIGGER shapes_are_kept BEFORE UPDATE ON shapes
BEGIN SELECT RAISE(ABORT, 'a shape is never changed'); END;
-- 1: its memory follows from what runs of its recipe have used (queue/learned.py).
ALTER TABLE jobs ADD COLUMN learns INTEGER NOT NULL DEFAULT 0 CHECK (learns IN (0, 1));
CREATE INDEX jobs_learning ON jobs (recipe) WHERE learns = 1 AND state = 'queued';
-- Of a sweep that grows: which trial it is, and why and where it was stopped early (JSON).
ALTER TABLE jobs ADD COLUMN trial_no INTEGER;
ALTER TABLE jobs ADD COLUMN stop_reason TEXT CHECK (stop_reason IS NULL OR json_valid(stop_reason));
-- Pauses: since when it is frozen, whether it was asked to yield, and what becomes of it if its end is unknown.
ALTER TABLE jobs ADD COLUMN frozen_at TEXT;
ALTER TABLE jobs ADD COLUMN yield_requested INTEGER NOT NULL DEFAULT 0 CHECK (yield_requested IN (0, 1, 2));
ALTER TABLE jobs ADD COLUMN is_resumable INTEGER NOT NULL DEFAULT 0 CHECK (is_resumable IN (0, 1));
ALTER TABLE jobs ADD COLUMN on_lost TEXT CHECK (on_lost IN ('requeue', 'resume', 'hold', 'fail'));
ALTER TABLE jobs ADD COLUMN yields INTEGER NOT NULL DEFAULT 0 CHECK (yields >= 0);
-- How often in a row it has yielded without a new step, and its highest step until then.
ALTER TABLE jobs ADD COLUMN idle_yields INTEGER NOT NULL DEFAULT 0 CHECK (idle_yields >= 0);
ALTER TABLE jobs ADD COLUMN last_step REAL;
-- Its code as it was when it was queued (table `code`).
ALTER TABLE jobs ADD COLUMN code_tree TEXT;
-- When a run with `--notify` tells of itself: done, fail, start, never; NULL is as configured.
ALTER TABLE jobs ADD COLUMN notify TEXT;
-- After so many seconds without a sign of life a run is marked, or ended; NULL is as usual, 0 never.
ALTER TABLE jobs ADD COLUMN stall_seconds REAL CHECK (stall_seconds >= 0);
ALTER TABLE jobs ADD COLUMN stall_kill INTEGER NOT NULL DEFAULT 0 CHECK (stall_kill IN (0, 1));
-- Since when it gives none, if it is marked.
ALTER TABLE jobs ADD COLUMN stalled_at TEXT;

-- Whether it can go on later comes back with it after a damage.
DROP TRIGGER jobs_enqueued;
CREATE TRIGGER jobs_enqueued AFTER INSERT ON jobs
BEGIN
    INSERT INTO journal (at, event, job_id, group_id, to_state, attempt, detail)
    SELECT NEW.updated_at, 'enqueued', NEW.job_id, NEW.group_id, NEW.state, NEW.attempt,
           json_object('run_id', NEW.run_id, 'priority', NEW.priority, 'requires_gpu', gpus > 0,
                       'needs', json_object('cpus', cpus, 'gpus', gpus, 'vram_mb', vram_mb, 'mem_mb', mem_mb,
                                            'pins', pins),
                       'name', NEW.name, 'tags', json(NEW.tags), 'notes', NEW.notes, 'env_id', NEW.env_id,
                       'request_sha', NEW.request_sha, 'retry_rules', json(NEW.retry_rules),
                       'is_resumable', NEW.is_resumable, 'on_lost', NEW.on_lost)
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

CREATE TRIGGER jobs_made_resumable AFTER UPDATE OF is_resumable, on_lost ON jobs
WHEN NEW.is_resumable <> OLD.is_resumable OR NEW.on_lost IS NOT OLD.on_lost
BEGIN
    INSERT INTO journal (at, event, job_id, group_id, attempt, detail)
    VALUES (NEW.updated_at, 'resumable_set', NEW.job_id, NEW.group_id, NEW.attempt,
            json_object('is_resumable', NEW.is_resumable, 'on_lost', NEW.on_lost));
END;

-- The wishes for a running job. With its attempt they end, and that entry says so.
CREATE TRIGGER jobs_frozen AFTER UPDATE OF frozen_at ON jobs
WHEN NEW.frozen_at IS NOT OLD.frozen_at AND NEW.state = 'running' AND OLD.state = 'running'
BEGIN
    INSERT INTO journal (at, event, job_id, group_id, attempt, detail)
    VALUES (NEW.updated_at, iif(NEW.frozen_at IS NULL, 'thawed', 'frozen'), NEW.job_id, NEW.group_id, NEW.attempt,
            json_object('frozen_at', NEW.frozen_at));
END;

CREATE TRIGGER jobs_asked_to_yield AFTER UPDATE OF yield_requested ON jobs
WHEN NEW.yield_requested <> OLD.yield_requested AND NEW.state = 'running' AND OLD.state = 'running'
BEGIN
    INSERT INTO journal (at, event, job_id, group_id, attempt, detail)
    VALUES (NEW.updated_at, 'yield_requested', NEW.job_id, NEW.group_id, NEW.attempt,
            json_object('yield_requested', NEW.yield_requested));
END;

CREATE TRIGGER jobs_pause_while_running BEFORE UPDATE OF state, frozen_at, yield_requested ON jobs
WHEN NEW.state <> 'running' AND (NEW.frozen_at IS NOT NULL OR NEW.yield_requested <> 0)
BEGIN SELECT RAISE(ABORT, 'only a running job is frozen or asked to yield'); END;

CREATE TRIGGER jobs_yielded AFTER UPDATE OF yields, idle_yields, last_step ON jobs
WHEN NEW.yields <> OLD.yields OR NEW.idle_yields <> OLD.idle_yields OR NEW.last_step IS NOT OLD.last_step
BEGIN
    INSERT INTO journal (at, event, job_id, group_id, attempt, detail)
    VALUES (NEW.updated_at, 'yields_counted', NEW.job_id, NEW.group_id, NEW.attempt,
            json_object('yields', NEW.yields, 'idle_yields', NEW.idle_yields, 'last_step', NEW.last_step));
END;

CREATE INDEX jobs_by_recipe ON jobs (recipe, finished_at) WHERE recipe IS NOT NULL AND finished_at IS NOT NULL;
CREATE UNIQUE INDEX jobs_by_trial ON jobs (group_id, trial_no) WHERE trial_no IS NOT NULL;
CREATE INDEX jobs_by_config ON jobs (group_id, config_hash) WHERE config_hash IS NOT NULL;

-- Runs that their sweep's rule has stopped do not make their group a canceled one.
CREATE INDEX jobs_stopped_early ON jobs (group_id) WHERE cause = 'stopped_early';

CREATE TRIGGER jobs_stopped AFTER UPDATE OF stop_reason ON jobs
WHEN NEW.stop_reason IS NOT NULL AND OLD.stop_reason IS NULL
BEGIN
    INSERT INTO journal (at, event, job_id, group_id, attempt, detail)
    VALUES (NEW.updated_at, 'stop_decided', NEW.job_id, NEW.group_id, NEW.attempt, NEW.stop_reason);
END;

ALTER TABLE attempts ADD COLUMN signature TEXT;

CREATE TRIGGER jobs_stalled AFTER UPDATE OF stalled_at ON jobs
WHEN (NEW.stalled_at IS NULL) <> (OLD.stalled_at IS NULL) AND NEW.state = 'running' AND OLD.state = 'running'
BEGIN
    INSERT INTO journal (at, event, job_id, group_id, attempt, detail)
    VALUES (NEW.updated_at, iif(NEW.stalled_at IS NULL, 'alive_again', 'stalled'), NEW.job_id, NEW.group_id,
            NEW.attempt, json_object('since', NEW.stalled_at));
END;

-- Who paused a group (a person, the breaker, the sampler), why in a sentence, and its breaker: NULL as usual, 0 off.
ALTER TABLE groups ADD COLUMN paused_by TEXT;
ALTER TABLE groups ADD COLUMN pause_reason TEXT;
ALTER TABLE groups ADD COLUMN breaker INTEGER CHECK (breaker >= 0);
-- How many of its attempts have failed alike in a row, and how.
ALTER TABLE groups ADD COLUMN streak INTEGER NOT NULL DEFAULT 0 CHECK (streak >= 0);
ALTER TABLE groups ADD COLUMN streak_signature TEXT;

DROP TRIGGER groups_paused;
CREATE TRIGGER groups_paused AFTER UPDATE OF is_paused ON groups WHEN NEW.is_paused <> OLD.is_paused
BEGIN
    UPDATE lanes SET is_paused = NEW.is_paused WHERE lane_id = NEW.lane_id;
    INSERT INTO journal (at, event, group_id, detail)
    VALUES (NEW.updated_at, CASE NEW.is_paused WHEN 1 THEN 'group_paused' ELSE 'group_resumed' END, NEW.group_id,
            json_object('by', NEW.paused_by, 'reason', NEW.pause_reason));
END;

CREATE TRIGGER groups_guarded AFTER UPDATE OF breaker ON groups WHEN NEW.breaker IS NOT OLD.breaker
BEGIN
    INSERT INTO journal (at, event, group_id, detail)
    VALUES (NEW.updated_at, 'group_guarded', NEW.group_id, json_object('breaker', NEW.breaker));
END;

-- What an attempt used, as far as it was watched.
CREATE TABLE resources (
    job_id       TEXT NOT NULL REFERENCES jobs (job_id) ON DELETE CASCADE,
    attempt      INTEGER NOT NULL,
    peak_vram    TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(peak_vram)),
    gpu_use      REAL,
    gpu_seconds  REAL,
    peak_rss_mb  REAL,
    cpu_seconds  REAL,
    watched      REAL,
    PRIMARY KEY (job_id, attempt)
) STRICT, WITHOUT ROWID;

-- 1: there is a GPU slot for each device. Which devices the daemon was restricted to, as it was told.
ALTER TABLE daemon ADD COLUMN gpu_auto INTEGER NOT NULL DEFAULT 0 CHECK (gpu_auto IN (0, 1));
ALTER TABLE daemon ADD COLUMN devices TEXT;

-- What each device has that was ever given to a run. Not more of it is leased.
CREATE TABLE devices (
    device    TEXT PRIMARY KEY,
    memory_mb INTEGER NOT NULL CHECK (memory_mb > 0)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER devices_are_not_overbooked BEFORE INSERT ON device_grants
WHEN NEW.share_mb > 0 AND NEW.share_mb + (SELECT total(share_mb) FROM device_grants WHERE device = NEW.device)
                          > (SELECT memory_mb FROM devices WHERE device = NEW.device)
BEGIN SELECT RAISE(ABORT, 'a device cannot be leased above its memory'); END;

-- The attempt failed in a way that looks like the device's own fault.
ALTER TABLE attempts ADD COLUMN device_failed INTEGER NOT NULL DEFAULT 0 CHECK (device_failed IN (0, 1));

-- Devices that get no new runs, and why.
CREATE TABLE quarantined (
    device   TEXT PRIMARY KEY,
    since    TEXT NOT NULL,
    reason   TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- How a sweep goes on: the journal is the study. `wanted` trials are to be made, `made` exist; `asked` counts the
-- suggestions, also those that repeated a trial, `repeats` those of them in a row. `ended` says why no more come.
CREATE TABLE sweeps (
    group_id         TEXT PRIMARY KEY REFERENCES groups (group_id) ON DELETE CASCADE,
    space            TEXT NOT NULL CHECK (json_valid(space)),
    method           TEXT NOT NULL CHECK (method IN ('grid', 'list', 'random', 'tpe')),
    seed             INTEGER NOT NULL DEFAULT 0,
    wanted           INTEGER NOT NULL DEFAULT 0 CHECK (wanted >= 0),
    made             INTEGER NOT NULL DEFAULT 0 CHECK (made >= 0),
    asked            INTEGER NOT NULL DEFAULT 0 CHECK (asked >= 0),
    repeats          INTEGER NOT NULL DEFAULT 0 CHECK (repeats >= 0),
    repeat           INTEGER NOT NULL DEFAULT 1 CHECK (repeat >= 1),
    ended            TEXT,
    template         TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(template)),
    stop             TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(stop)),
    keep             INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX sweeps_going_on ON sweeps (group_id) WHERE method = 'tpe' AND made < wanted AND ended IS NULL;
CREATE INDEX sweeps_with_a_rule ON sweeps (group_id) WHERE stop <> '{}';
CREATE INDEX sweeps_that_keep ON sweeps (group_id) WHERE keep IS NOT NULL;

-- Notices to send: a row is written by the transaction of the event, and a child process sends it.
CREATE TABLE outbox (
    seq       INTEGER PRIMARY KEY AUTOINCREMENT,
    at        TEXT NOT NULL,
    event     TEXT NOT NULL,
    job_id    TEXT,
    group_id  TEXT,
    detail    TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(detail)),
    -- The targets that were told, by digests of their addresses, as a JSON list.
    told      TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(told)),
    tries     INTEGER NOT NULL DEFAULT 0,
    next_at   TEXT NOT NULL,
    done_at   TEXT,
    -- Why it is not told yet, or was given up.
    error     TEXT
) STRICT;

CREATE INDEX outbox_open ON outbox (next_at) WHERE done_at IS NULL;

-- The code of runs as it was when they were queued. `jobs.code_tree` names a row.
CREATE TABLE code (
    code_id   TEXT PRIMARY KEY,
    -- The tree of git objects, and the top folder of the working tree; without them nothing is kept.
    tree      TEXT,
    root      TEXT,
    -- Where the run starts, relative to `root`; without one it is an absolute path.
    folder    TEXT NOT NULL,
    commit_id TEXT,
    branch    TEXT,
    is_dirty  INTEGER NOT NULL DEFAULT 0 CHECK (is_dirty IN (0, 1)),
    left_out  TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(left_out)),
    -- Interpreter, lock files, drivers, what was counted, and why nothing is kept.
    facts     TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(facts))
) STRICT, WITHOUT ROWID;

CREATE INDEX jobs_by_code ON jobs (code_tree) WHERE code_tree IS NOT NULL;

DROP VIEW full_jobs;
CREATE VIEW full_jobs AS
SELECT seq, job_id, run_id, group_id, lane_id, run_dir, priority, state, cpus, gpus, vram_mb, mem_mb, attempt, lost,
       cancel_requested, dry_run_seconds, overrides, created_at, updated_at, started_at, finished_at, error, cause,
       metric_name, metric_value, held, blockers, delayed, not_before, version, name, tags, notes, env_id, request_sha,
       retry_rules, retries_used, recipe, config_hash, pins, learns, trial_no, stop_reason, frozen_at, yield_requested,
       is_resumable, on_lost, yields, idle_yields, last_step, code_tree, notify, stall_seconds, stall_kill, stalled_at
FROM jobs CROSS JOIN shapes USING (shape_id);

DROP TRIGGER jobs_reshaped;
CREATE TRIGGER jobs_reshaped AFTER UPDATE OF shape_id ON jobs WHEN NEW.shape_id <> OLD.shape_id
BEGIN
    INSERT INTO journal (at, event, job_id, group_id, attempt, detail)
    SELECT NEW.updated_at, 'needs_set', NEW.job_id, NEW.group_id, NEW.attempt,
           json_object('cpus', cpus, 'gpus', gpus, 'vram_mb', vram_mb, 'mem_mb', mem_mb, 'pins', pins)
    FROM shapes WHERE shape_id = NEW.shape_id;
END;
