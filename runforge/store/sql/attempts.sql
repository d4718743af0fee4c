-- name: insert
INSERT INTO attempts (job_id, run_id, attempt, token, epoch, gpu_uuid, started_at)
VALUES (:job_id, :run_id, :attempt, :token, :epoch, :gpu_uuid, :now);

-- name: end
UPDATE attempts SET finished_at = :now, cause = :cause, error = :error, exit_code = :exit_code,
                    signal = :signal
WHERE job_id = :job_id AND attempt = :attempt AND finished_at IS NULL;

-- name: of_job
SELECT * FROM attempts WHERE job_id = :job_id ORDER BY attempt;

-- name: all
-- Every attempt there has been, for checks.
SELECT * FROM attempts ORDER BY started_at, job_id, attempt;

-- name: unstarted
-- How many of the last attempts that count as lost never came to start.
SELECT count(*) FROM (
    SELECT cause FROM attempts
    WHERE job_id = :job_id AND finished_at IS NOT NULL AND cause <> 'postponed'
    ORDER BY attempt DESC LIMIT :lost)
WHERE cause = 'launch_failed';

-- name: running
SELECT attempts.* FROM attempts JOIN jobs USING (job_id, attempt)
WHERE jobs.state = 'running' ORDER BY jobs.seq;

-- name: slots
SELECT kind, slot_no, job_id FROM slots;

-- name: take_slot
INSERT INTO slots (kind, slot_no, job_id) VALUES (:kind, :slot_no, :job_id);

-- name: free_slots
DELETE FROM slots WHERE job_id = :job_id;
