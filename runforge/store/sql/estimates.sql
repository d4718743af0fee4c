-- name: waiting
-- The queued runs that nobody holds back, some of them, in the order of their numbers.
SELECT full_jobs.*, jobs.place FROM jobs CROSS JOIN full_jobs USING (seq) CROSS JOIN lanes ON lanes.lane_id = jobs.lane_id
WHERE jobs.state = 'queued' AND jobs.held = 0 AND lanes.is_paused = 0
ORDER BY seq LIMIT :limit;

-- name: not_waiting
-- How many queued runs wait for a person: held, or in a paused group.
SELECT count(*) FROM jobs CROSS JOIN lanes USING (lane_id)
WHERE state = 'queued' AND (held = 1 OR is_paused = 1);

-- name: lanes
SELECT lane_id, served, lanes.run_limit, group_id FROM lanes LEFT JOIN groups USING (lane_id)
WHERE queued + running > 0;

-- name: edges
-- What the queued runs wait for.
SELECT job_id, parent FROM dependencies CROSS JOIN jobs USING (job_id) WHERE met = 0 AND state = 'queued';

-- name: recipe
-- How long the last runs of a recipe took that have succeeded, in seconds.
SELECT (julianday(finished_at) - julianday(started_at)) * 86400.0 FROM jobs
WHERE recipe = :recipe AND finished_at IS NOT NULL AND state = 'succeeded' AND started_at IS NOT NULL
  AND dry_run_seconds IS NULL
ORDER BY finished_at DESC LIMIT :limit;

-- name: group
SELECT (julianday(finished_at) - julianday(started_at)) * 86400.0 FROM jobs
WHERE group_id = :group_id AND state = 'succeeded' AND started_at IS NOT NULL
ORDER BY seq DESC LIMIT :limit;

-- name: before
-- The queued jobs of a lane that may start before one of them.
SELECT other.seq FROM jobs AS other INDEXED BY jobs_next, jobs AS it
WHERE it.job_id = :job_id AND other.lane_id = :lane_id AND other.state = 'queued' AND other.is_gated = 0
  AND (-other.priority, other.place, other.seq) < (-it.priority, it.place, it.seq)
ORDER BY other.priority DESC, other.place, other.seq;
