-- The journal of a workspace, version 1. The tables defend themselves: whoever writes, RunForge or
-- a shell, can make only the moves that `transitions` lists, and each move is journaled by trigger.

CREATE TABLE transitions (
    from_state TEXT NOT NULL,
    to_state   TEXT NOT NULL,
    event      TEXT NOT NULL,
    PRIMARY KEY (from_state, to_state)
) STRICT, WITHOUT ROWID;

INSERT INTO transitions (from_state, to_state, event) VALUES
    ('queued',   'running',   'claimed'),
    ('queued',   'failed',    'failed'),
    ('queued',   'canceled',  'canceled'),
    ('running',  'succeeded', 'succeeded'),
    ('running',  'failed',    'failed'),
    ('running',  'canceled',  'canceled'),
    ('running',  'queued',    'requeued'),
    ('failed',   'queued',    'retried'),
    ('canceled', 'queued',    'retried');

-- Order is `seq`, never the clock.
CREATE TABLE journal (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    at         TEXT NOT NULL,
    event      TEXT NOT NULL,
    job_id     TEXT,
    group_id   TEXT,
    from_state TEXT,
    to_state   TEXT,
    attempt    INTEGER,
    detail     TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(detail))
) STRICT;

CREATE INDEX journal_by_job ON journal (job_id, seq);

CREATE TRIGGER journal_is_append_only BEFORE UPDATE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

CREATE TRIGGER journal_keeps_everything BEFORE DELETE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

-- One row: the newest daemon, and the counters that must never go back.
CREATE TABLE daemon (
    one               INTEGER PRIMARY KEY CHECK (one = 1),
    epoch             INTEGER NOT NULL DEFAULT 0,
    pid               INTEGER,
    start_ticks       INTEGER,
    boot_id           TEXT,
    started_at        TEXT,
    max_parallel      INTEGER NOT NULL DEFAULT 2 CHECK (max_parallel >= 1),
    gpu_slots         INTEGER NOT NULL DEFAULT 1 CHECK (gpu_slots >= 0),
    state             TEXT NOT NULL DEFAULT 'stopped'
                      CHECK (state IN ('running', 'stopping', 'stopped')),
    wanted            TEXT NOT NULL DEFAULT 'run' CHECK (wanted IN ('run', 'drain', 'stop')),
    drain_until       TEXT,
    served            INTEGER NOT NULL DEFAULT 0,
    last_served_group TEXT,
    next_job          INTEGER NOT NULL DEFAULT 1,
    next_run          INTEGER NOT NULL DEFAULT 1
) STRICT;

INSERT INTO daemon (one) VALUES (1);

CREATE TRIGGER daemon_epoch_only_grows BEFORE UPDATE OF epoch ON daemon
WHEN NEW.epoch < OLD.epoch
BEGIN SELECT RAISE(ABORT, 'the epoch never goes back'); END;

-- A lane is a group's place in the round-robin; lane 1 belongs to the jobs without a group.
CREATE TABLE lanes (
    lane_id    INTEGER PRIMARY KEY,
    served     INTEGER NOT NULL DEFAULT 0,
    is_paused  INTEGER NOT NULL DEFAULT 0 CHECK (is_paused IN (0, 1)),
    queued_cpu INTEGER NOT NULL DEFAULT 0 CHECK (queued_cpu >= 0),
    queued_gpu INTEGER NOT NULL DEFAULT 0 CHECK (queued_gpu >= 0),
    running    INTEGER NOT NULL DEFAULT 0 CHECK (running >= 0),
    succeeded  INTEGER NOT NULL DEFAULT 0 CHECK (succeeded >= 0),
    failed     INTEGER NOT NULL DEFAULT 0 CHECK (failed >= 0),
    canceled   INTEGER NOT NULL DEFAULT 0 CHECK (canceled >= 0)
) STRICT;

INSERT INTO lanes (lane_id) VALUES (1);

CREATE INDEX lanes_with_cpu_work ON lanes (served, lane_id)
    WHERE is_paused = 0 AND queued_cpu > 0;
CREATE INDEX lanes_with_gpu_work ON lanes (served, lane_id)
    WHERE is_paused = 0 AND queued_gpu > 0;

CREATE TABLE groups (
    group_id         TEXT PRIMARY KEY,
    lane_id          INTEGER NOT NULL UNIQUE REFERENCES lanes (lane_id),
    name             TEXT NOT NULL,
    notes            TEXT,
    created_at       TEXT NOT NULL,
    created_by       TEXT NOT NULL,
    updated_at       TEXT NOT NULL,
    max_parallel     INTEGER NOT NULL CHECK (max_parallel >= 1),
    fail_fast        INTEGER NOT NULL DEFAULT 0 CHECK (fail_fast IN (0, 1)),
    objective_metric TEXT,
    direction        TEXT NOT NULL DEFAULT 'maximize'
                     CHECK (direction IN ('maximize', 'minimize')),
    is_paused        INTEGER NOT NULL DEFAULT 0 CHECK (is_paused IN (0, 1)),
    is_canceled      INTEGER NOT NULL DEFAULT 0 CHECK (is_canceled IN (0, 1)),
    started_at       TEXT,
    finished_at      TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX groups_by_lane ON groups (lane_id);

CREATE TABLE jobs (
    seq              INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id           TEXT NOT NULL UNIQUE,
    run_id           TEXT NOT NULL UNIQUE,
    group_id         TEXT REFERENCES groups (group_id),
    lane_id          INTEGER NOT NULL REFERENCES lanes (lane_id),
    run_dir          TEXT NOT NULL,
    priority         INTEGER NOT NULL DEFAULT 0,
    state            TEXT NOT NULL
                     CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'canceled')),
    requires_gpu     INTEGER NOT NULL CHECK (requires_gpu IN (0, 1)),
    attempt          INTEGER NOT NULL DEFAULT 1 CHECK (attempt >= 1),
    lost             INTEGER NOT NULL DEFAULT 0 CHECK (lost >= 0),
    cancel_requested INTEGER NOT NULL DEFAULT 0 CHECK (cancel_requested IN (0, 1)),
    dry_run_seconds  REAL CHECK (dry_run_seconds IS NULL OR dry_run_seconds >= 0),
    overrides        TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(overrides)),
    created_at       TEXT NOT NULL,
    updated_at       TEXT NOT NULL,
    started_at       TEXT,
    finished_at      TEXT,
    error            TEXT,
    cause            TEXT,
    metric_name      TEXT,
    metric_value     REAL,
    CHECK ((state IN ('succeeded', 'failed', 'canceled')) = (finished_at IS NOT NULL)),
    CHECK (state <> 'running' OR started_at IS NOT NULL),
    CHECK (state <> 'succeeded' OR error IS NULL)
) STRICT;

CREATE UNIQUE INDEX one_live_job_per_run ON jobs (run_id) WHERE state IN ('queued', 'running');
CREATE INDEX jobs_next ON jobs (lane_id, requires_gpu, priority DESC, seq) WHERE state = 'queued';
CREATE INDEX jobs_running ON jobs (seq) WHERE state = 'running';
CREATE INDEX jobs_by_group ON jobs (group_id, seq);
CREATE INDEX jobs_finished ON jobs (finished_at) WHERE finished_at IS NOT NULL;

CREATE TABLE attempts (
    job_id      TEXT NOT NULL REFERENCES jobs (job_id) ON DELETE CASCADE,
    run_id      TEXT NOT NULL,
    attempt     INTEGER NOT NULL,
    token       TEXT NOT NULL UNIQUE,
    epoch       INTEGER NOT NULL,
    gpu_uuid    TEXT,
    started_at  TEXT NOT NULL,
    finished_at TEXT,
    cause       TEXT,
    error       TEXT,
    exit_code   INTEGER,
    signal      INTEGER,
    PRIMARY KEY (job_id, attempt),
    CHECK ((finished_at IS NULL) = (cause IS NULL))
) STRICT, WITHOUT ROWID;

-- A row is a slot in use: none is given twice, and no job has two of a kind.
CREATE TABLE slots (
    kind    TEXT NOT NULL CHECK (kind IN ('cpu', 'gpu')),
    slot_no INTEGER NOT NULL CHECK (slot_no >= 0),
    job_id  TEXT NOT NULL REFERENCES jobs (job_id),
    PRIMARY KEY (kind, slot_no),
    UNIQUE (job_id, kind)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER jobs_start_queued BEFORE INSERT ON jobs
WHEN NEW.state <> 'queued' OR NEW.attempt <> 1
BEGIN SELECT RAISE(ABORT, 'illegal transition: a job starts queued, at attempt 1'); END;

CREATE TRIGGER jobs_follow_transitions BEFORE UPDATE OF state ON jobs
WHEN NEW.state <> OLD.state
     AND NOT EXISTS (SELECT 1 FROM transitions
                     WHERE from_state = OLD.state AND to_state = NEW.state)
BEGIN SELECT RAISE(ABORT, 'illegal transition'); END;

CREATE TRIGGER jobs_count_attempts BEFORE UPDATE OF state, attempt ON jobs
WHEN NEW.attempt <> OLD.attempt + (NEW.state = 'queued' AND OLD.state <> 'queued')
BEGIN SELECT RAISE(ABORT, 'illegal transition: an attempt is counted once, on the way back to queued'); END;

CREATE TRIGGER jobs_keep_identity BEFORE UPDATE OF job_id, run_id, group_id, lane_id ON jobs
WHEN NEW.job_id <> OLD.job_id OR NEW.run_id <> OLD.run_id OR NEW.group_id IS NOT OLD.group_id
     OR NEW.lane_id <> OLD.lane_id
BEGIN SELECT RAISE(ABORT, 'a job keeps its identity'); END;

CREATE TRIGGER jobs_live_are_kept BEFORE DELETE ON jobs
WHEN OLD.state IN ('queued', 'running')
BEGIN SELECT RAISE(ABORT, 'a live job cannot be deleted'); END;

CREATE TRIGGER jobs_enqueued AFTER INSERT ON jobs
BEGIN
    INSERT INTO journal (at, event, job_id, group_id, to_state, attempt, detail)
    VALUES (NEW.updated_at, 'enqueued', NEW.job_id, NEW.group_id, NEW.state, NEW.attempt,
            json_object('run_id', NEW.run_id, 'priority', NEW.priority,
                        'requires_gpu', NEW.requires_gpu));
    UPDATE lanes SET queued_cpu = queued_cpu + (NEW.requires_gpu = 0),
                     queued_gpu = queued_gpu + (NEW.requires_gpu = 1)
    WHERE lane_id = NEW.lane_id;
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
        queued_cpu = queued_cpu - (OLD.state = 'queued' AND NEW.requires_gpu = 0)
                                + (NEW.state = 'queued' AND NEW.requires_gpu = 0),
        queued_gpu = queued_gpu - (OLD.state = 'queued' AND NEW.requires_gpu = 1)
                                + (NEW.state = 'queued' AND NEW.requires_gpu = 1),
        running    = running    - (OLD.state = 'running')   + (NEW.state = 'running'),
        succeeded  = succeeded  - (OLD.state = 'succeeded') + (NEW.state = 'succeeded'),
        failed     = failed     - (OLD.state = 'failed')    + (NEW.state = 'failed'),
        canceled   = canceled   - (OLD.state = 'canceled')  + (NEW.state = 'canceled')
    WHERE lane_id = NEW.lane_id;
END;

CREATE TRIGGER jobs_reprioritised AFTER UPDATE OF priority ON jobs
WHEN NEW.priority <> OLD.priority
BEGIN
    INSERT INTO journal (at, event, job_id, group_id, attempt, detail)
    VALUES (NEW.updated_at, 'priority_set', NEW.job_id, NEW.group_id, NEW.attempt,
            json_object('priority', NEW.priority));
END;

CREATE TRIGGER jobs_asked_to_cancel AFTER UPDATE OF cancel_requested ON jobs
WHEN NEW.cancel_requested = 1 AND OLD.cancel_requested = 0
BEGIN
    INSERT INTO journal (at, event, job_id, group_id, attempt)
    VALUES (NEW.updated_at, 'cancel_requested', NEW.job_id, NEW.group_id, NEW.attempt);
END;

CREATE TRIGGER jobs_pruned AFTER DELETE ON jobs
BEGIN
    INSERT INTO journal (at, event, job_id, group_id, from_state, attempt)
    VALUES (OLD.updated_at, 'pruned', OLD.job_id, OLD.group_id, OLD.state, OLD.attempt);
    UPDATE lanes SET succeeded = succeeded - (OLD.state = 'succeeded'),
                     failed    = failed    - (OLD.state = 'failed'),
                     canceled  = canceled  - (OLD.state = 'canceled')
    WHERE lane_id = OLD.lane_id;
END;

CREATE TRIGGER groups_created AFTER INSERT ON groups
BEGIN
    INSERT INTO journal (at, event, group_id, detail)
    VALUES (NEW.updated_at, 'group_created', NEW.group_id, json_object('name', NEW.name));
END;

CREATE TRIGGER groups_paused AFTER UPDATE OF is_paused ON groups
WHEN NEW.is_paused <> OLD.is_paused
BEGIN
    UPDATE lanes SET is_paused = NEW.is_paused WHERE lane_id = NEW.lane_id;
    INSERT INTO journal (at, event, group_id)
    VALUES (NEW.updated_at, CASE NEW.is_paused WHEN 1 THEN 'group_paused' ELSE 'group_resumed' END,
            NEW.group_id);
END;

CREATE TRIGGER groups_canceled AFTER UPDATE OF is_canceled ON groups
WHEN NEW.is_canceled <> OLD.is_canceled
BEGIN
    INSERT INTO journal (at, event, group_id)
    VALUES (NEW.updated_at,
            CASE NEW.is_canceled WHEN 1 THEN 'group_canceled' ELSE 'group_reopened' END,
            NEW.group_id);
END;

CREATE TRIGGER groups_pruned AFTER DELETE ON groups
BEGIN
    INSERT INTO journal (at, event, group_id) VALUES (OLD.updated_at, 'group_pruned', OLD.group_id);
    DELETE FROM lanes WHERE lane_id = OLD.lane_id;
END;
