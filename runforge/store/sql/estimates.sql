-- name: how_many
-- How many queued runs nobody holds back; no more than so many are counted.
SELECT count(*) FROM (SELECT 1 FROM jobs INDEXED BY jobs_next CROSS JOIN lanes USING (lane_id)
                      WHERE state = 'queued' AND held = 0 AND is_paused = 0 LIMIT :limit);

-- name: waiting
-- The queued runs that nobody holds back, in the order of their numbers: what decides when they start, and how long
-- they take.
SELECT job_id, lane_id, shape_id, priority, place, seq, not_before, blockers, recipe, group_id, dry_run_seconds
FROM jobs INDEXED BY jobs_next CROSS JOIN lanes USING (lane_id)
WHERE state = 'queued' AND held = 0 AND is_paused = 0
ORDER BY seq;

-- name: one_waiting
-- One of them, or nothing.
SELECT recipe, group_id, dry_run_seconds FROM jobs CROSS JOIN lanes USING (lane_id)
WHERE job_id = :job_id AND state = 'queued' AND held = 0 AND is_paused = 0;

-- name: kinds
-- The same runs, counted by what is known of how long they take.
SELECT lane_id, recipe, group_id, dry_run_seconds, count(*) AS runs
FROM jobs INDEXED BY jobs_next CROSS JOIN lanes USING (lane_id)
WHERE state = 'queued' AND held = 0 AND is_paused = 0
GROUP BY lane_id, recipe, dry_run_seconds ORDER BY min(seq);

-- name: kinds_of_group
SELECT recipe, group_id, dry_run_seconds, count(*) AS runs
FROM lanes CROSS JOIN jobs INDEXED BY jobs_next USING (lane_id)
WHERE lane_id = (SELECT lane_id FROM groups WHERE group_id = :group_id) AND is_paused = 0
  AND state = 'queued' AND held = 0
GROUP BY recipe, dry_run_seconds ORDER BY min(seq);

-- name: shapes
SELECT shape_id, cpus, gpus, vram_mb, mem_mb, pins FROM shapes;

-- name: not_waiting
-- How many queued runs wait for a person: held, or in a paused group.
SELECT count(*) FROM jobs CROSS JOIN lanes USING (lane_id)
WHERE state = 'queued' AND (held = 1 OR is_paused = 1);

-- name: lanes
SELECT lane_id, served, lanes.run_limit, group_id FROM lanes LEFT JOIN groups USING (lane_id)
WHERE queued + running > 0;

-- name: how_many_lanes
-- Those that have work.
SELECT count(*) FROM lanes WHERE queued + running > 0;

-- name: edges
-- What a queued run waits for.
SELECT parent FROM dependencies WHERE job_id = :job_id AND met = 0;

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
