-- name: insert
INSERT INTO jobs (job_id, run_id, group_id, lane_id, run_dir, priority, state, requires_gpu,
                  dry_run_seconds, overrides, created_at, updated_at)
VALUES (:job_id, :run_id, :group_id, :lane_id, :run_dir, :priority, 'queued', :requires_gpu,
        :dry_run_seconds, :overrides, :now, :now);

-- name: by_job_id
SELECT * FROM jobs WHERE job_id = :job_id;

-- name: by_run_id
SELECT * FROM jobs WHERE run_id = :run_id;

-- name: all
SELECT * FROM jobs ORDER BY seq;

-- name: of_group
SELECT * FROM jobs WHERE group_id = :group_id ORDER BY seq;

-- name: ends
SELECT min(seq) AS first, max(seq) AS last FROM jobs;

-- name: block
SELECT * FROM jobs WHERE seq >= :first AND seq < :after ORDER BY seq;

-- name: block_of_group
SELECT * FROM jobs WHERE group_id = :group_id AND seq >= :first AND seq < :after ORDER BY seq;

-- name: blocks_of_group
SELECT DISTINCT seq / :size FROM jobs WHERE group_id = :group_id ORDER BY 1;

-- name: in_state
SELECT * FROM jobs WHERE state = :state ORDER BY seq LIMIT :limit OFFSET :offset;

-- name: page
SELECT * FROM jobs ORDER BY seq LIMIT :limit OFFSET :offset;

-- name: newest
SELECT * FROM (SELECT * FROM jobs ORDER BY seq DESC LIMIT :limit) ORDER BY seq;

-- name: page_of_group
SELECT * FROM jobs WHERE group_id = :group_id ORDER BY seq LIMIT :limit OFFSET :offset;

-- name: page_of_group_in_state
SELECT * FROM jobs WHERE group_id = :group_id AND state = :state
ORDER BY seq LIMIT :limit OFFSET :offset;

-- name: newest_run
SELECT run_id FROM jobs ORDER BY seq DESC LIMIT 1;

-- name: running
SELECT * FROM jobs WHERE state = 'running' ORDER BY seq;

-- name: ids_starting_with
-- Any unique beginning of a run's or job's id names it.
SELECT run_id FROM jobs WHERE run_id >= :prefix AND run_id < :after
UNION
SELECT run_id FROM jobs WHERE job_id >= :prefix AND job_id < :after
LIMIT 20;

-- name: some_run_ids
SELECT run_id FROM jobs ORDER BY seq DESC LIMIT 200;

-- name: heads
-- The first lane with work for a CPU and, with :gpu, the first with work for a GPU; of each the next job by need for
-- a GPU: priority first, then age. Index seeks alone, in one statement: each costs as much as all of them.
WITH first AS (
    SELECT * FROM (
        SELECT lane_id, served FROM lanes INDEXED BY lanes_with_cpu_work
        WHERE is_paused = 0 AND queued_cpu > 0 AND (:only IS NULL OR lane_id = :only)
        ORDER BY served, lane_id LIMIT 1)
    UNION
    SELECT * FROM (
        SELECT lane_id, served FROM lanes INDEXED BY lanes_with_gpu_work
        WHERE :gpu AND is_paused = 0 AND queued_gpu > 0 AND (:only IS NULL OR lane_id = :only)
        ORDER BY served, lane_id LIMIT 1))
SELECT first.lane_id, served, requires_gpu, job_id, priority, seq FROM first, jobs
WHERE seq IN (
    (SELECT seq FROM jobs WHERE lane_id = first.lane_id AND requires_gpu = 0 AND state = 'queued'
     ORDER BY priority DESC, seq LIMIT 1),
    (SELECT seq FROM jobs WHERE :gpu AND lane_id = first.lane_id AND requires_gpu = 1 AND state = 'queued'
     ORDER BY priority DESC, seq LIMIT 1));

-- name: next_waiting
SELECT * FROM jobs WHERE state = 'queued' AND lane_id = :lane_id
ORDER BY priority DESC, seq LIMIT :limit;

-- name: claim
UPDATE jobs SET state = 'running', started_at = :now, updated_at = :now, error = NULL, cause = NULL
WHERE job_id = :job_id AND state = 'queued' AND attempt = :attempt AND cancel_requested = 0;

-- name: end
UPDATE jobs SET state = :state, finished_at = :now, updated_at = :now, error = :error,
                cause = :cause, metric_name = :metric_name, metric_value = :metric_value
WHERE job_id = :job_id AND attempt = :attempt AND state = :from_state
  AND state IN ('queued', 'running');

-- name: requeue
UPDATE jobs SET state = 'queued', attempt = attempt + 1, lost = lost + :lost, started_at = NULL,
                updated_at = :now, error = :error, cause = :cause
WHERE job_id = :job_id AND attempt = :attempt AND state = 'running';

-- name: retry
UPDATE jobs SET state = 'queued', attempt = attempt + 1, lost = 0, cancel_requested = 0,
                started_at = NULL, finished_at = NULL, updated_at = :now, error = NULL,
                cause = NULL, metric_name = NULL, metric_value = NULL
WHERE job_id = :job_id AND attempt = :attempt AND state IN ('failed', 'canceled');

-- name: ask_to_cancel
UPDATE jobs SET cancel_requested = 1, updated_at = :now
WHERE job_id = :job_id AND state = 'running' AND cancel_requested = 0;

-- name: set_priority
UPDATE jobs SET priority = :priority, updated_at = :now
WHERE job_id = :job_id AND state IN ('queued', 'running');

-- name: prunable
SELECT * FROM jobs
WHERE finished_at IS NOT NULL AND finished_at < :before
  AND (group_id IS NULL OR group_id NOT IN (
      SELECT group_id FROM jobs
      WHERE group_id IS NOT NULL AND (finished_at IS NULL OR finished_at >= :before)))
ORDER BY seq;

-- name: mark_pruned
UPDATE jobs SET updated_at = :now WHERE job_id = :job_id;

-- name: delete
DELETE FROM jobs WHERE job_id = :job_id;

-- name: totals
SELECT sum(queued_cpu + queued_gpu) AS queued, sum(running) AS running,
       sum(succeeded) AS succeeded, sum(failed) AS failed, sum(canceled) AS canceled
FROM lanes;

-- name: count_by_state
-- The slow way, to check the counters against.
SELECT lane_id, state, requires_gpu, count(*) AS jobs FROM jobs GROUP BY 1, 2, 3;

-- name: window
-- The rows that a screen shows, by their place in the journal.
SELECT * FROM jobs WHERE seq IN (SELECT value FROM json_each(:seqs));

-- name: order_running
-- One text with all numbers: a hundred thousand rows would cost six times as much.
SELECT group_concat(seq) FROM (SELECT seq FROM jobs WHERE state = 'running' ORDER BY seq);

-- name: order_queued
SELECT group_concat(seq) FROM (
    SELECT seq FROM jobs WHERE state = 'queued' ORDER BY priority DESC, seq);

-- name: order_ended
SELECT group_concat(seq) FROM (
    SELECT seq FROM jobs WHERE finished_at IS NOT NULL ORDER BY finished_at DESC, seq DESC);

-- name: order_matching
-- Jobs that match, in the order asked for; those without the sorted value last. `live` is running,
-- queued, then the newest end first. Overrides are searched as they are shown: name=value.
WITH matching AS (
    SELECT *, CASE :sort
            WHEN 'run' THEN run_id
            WHEN 'state' THEN state
            WHEN 'group' THEN group_id
            WHEN 'metric' THEN metric_value
            WHEN 'priority' THEN -priority
            WHEN 'time' THEN julianday(coalesce(finished_at, :now)) - julianday(started_at)
            WHEN 'detail' THEN coalesce(error, overrides)
            WHEN 'live' THEN CASE state WHEN 'running' THEN 0 WHEN 'queued' THEN 1 ELSE 2 END
        END AS sorted
    FROM jobs
    WHERE (:states IS NULL OR state IN (SELECT value FROM json_each(:states)))
      AND (:group_id IS NULL OR group_id = :group_id)
      AND NOT EXISTS (
          SELECT 1 FROM json_each(:texts) AS wanted
          WHERE ((state || ' ' || run_id || ' ' || job_id || ' ' || coalesce(group_id, '') || ' '
                  || replace(replace(overrides, '": ', '='), '"', '') || ' ' || coalesce(error, '')) LIKE wanted.value ESCAPE '\')
                = (wanted.key >= :unwanted_from))
      AND NOT EXISTS (
          SELECT 1 FROM json_each(:groups) AS wanted
          WHERE coalesce(group_id, '') NOT LIKE wanted.value ESCAPE '\')
)
SELECT group_concat(seq), count(sorted) FROM (
    SELECT seq, sorted FROM matching
    ORDER BY sorted IS NULL, sorted,
             CASE WHEN :sort = 'live' AND state = 'queued' THEN -priority END,
             CASE WHEN :sort = 'live' THEN finished_at END DESC, seq);
