-- Version 5: attempts that run elsewhere, as jobs of Slurm.

-- Where an attempt runs: NULL on the daemon's machine, else `slurm`, later `slurm:<cluster>:<job>`, for people.
ALTER TABLE attempts ADD COLUMN place TEXT;
-- When it has really begun, and on which machine. NULL: not yet, or on the daemon's machine.
ALTER TABLE attempts ADD COLUMN begun_at TEXT;
ALTER TABLE attempts ADD COLUMN node TEXT;
CREATE INDEX attempts_elsewhere ON attempts (job_id) WHERE place IS NOT NULL;
-- Which backend the daemon launches on.
ALTER TABLE daemon ADD COLUMN backend TEXT NOT NULL DEFAULT 'local';
-- Of a running job that was submitted and has not begun: what it waits for, in the scheduler's word. To people it is
-- a queued one.
ALTER TABLE jobs ADD COLUMN waiting TEXT;
-- Such a job is to be taken back, unless it begins first: 1, or 2: and to be held then.
ALTER TABLE jobs ADD COLUMN recalled INTEGER NOT NULL DEFAULT 0 CHECK (recalled IN (0, 1, 2));
CREATE INDEX jobs_waiting ON jobs (lane_id) WHERE waiting IS NOT NULL;

CREATE TRIGGER jobs_waited AFTER UPDATE OF waiting ON jobs
WHEN NEW.waiting IS NOT OLD.waiting AND NEW.state = 'running' AND OLD.state = 'running'
BEGIN
    INSERT INTO journal (at, event, job_id, group_id, attempt, detail)
    VALUES (NEW.updated_at, iif(NEW.waiting IS NULL, 'begun', 'waiting'), NEW.job_id, NEW.group_id, NEW.attempt,
            json_object('waiting', NEW.waiting));
END;

DROP VIEW full_jobs;
CREATE VIEW full_jobs AS
SELECT seq, job_id, run_id, group_id, lane_id, run_dir, priority, state, cpus, gpus, vram_mb, mem_mb, attempt, lost,
       cancel_requested, dry_run_seconds, overrides, created_at, updated_at, started_at, finished_at, error, cause,
       metric_name, metric_value, held, blockers, delayed, not_before, version, name, tags, notes, env_id, request_sha,
       retry_rules, retries_used, recipe, config_hash, pins, learns, trial_no, stop_reason, frozen_at, yield_requested,
       is_resumable, on_lost, yields, idle_yields, last_step, code_tree, notify, stall_seconds, stall_kill, stalled_at,
       waiting, recalled
FROM jobs CROSS JOIN shapes USING (shape_id);
