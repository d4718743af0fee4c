-- For the commands that are called all day: only what they print, of the tables themselves.

-- name: versions
SELECT user_version, application_id, journal_mode FROM pragma_user_version, pragma_application_id, pragma_journal_mode;

-- name: jobs_newest
SELECT * FROM (
    SELECT seq, run_id, name, group_id, state, attempt, started_at,
           (strftime('%s', finished_at) - strftime('%s', started_at)) * 1000
               + substr(finished_at, 21, 3) - substr(started_at, 21, 3) AS milliseconds,
           metric_name, metric_value,
           overrides, tags, error, held, blockers, not_before,
           state = 'running' AND (frozen_at IS NOT NULL OR yield_requested > 0 OR waiting IS NOT NULL) AS is_odd
    FROM jobs ORDER BY seq DESC LIMIT :limit)
ORDER BY seq;

-- name: jobs_first
-- As the screens order them: running, queued, then the newest end first. However many there are, it reads a few of each.
SELECT seq, run_id, name, group_id, state, attempt, started_at,
       (strftime('%s', finished_at) - strftime('%s', started_at)) * 1000
           + substr(finished_at, 21, 3) - substr(started_at, 21, 3) AS milliseconds,
       metric_name, metric_value,
       overrides, tags, error, held, blockers, not_before,
       state = 'running' AND (frozen_at IS NOT NULL OR yield_requested > 0 OR waiting IS NOT NULL) AS is_odd
FROM jobs WHERE seq IN (
    SELECT seq FROM (SELECT seq FROM jobs INDEXED BY slots_in_use WHERE state = 'running' ORDER BY seq LIMIT :limit)
    UNION ALL
    SELECT seq FROM (SELECT seq FROM jobs WHERE state = 'queued' ORDER BY priority DESC, place, seq LIMIT :limit)
    UNION ALL
    SELECT seq FROM (SELECT seq FROM jobs WHERE finished_at IS NOT NULL
                     ORDER BY finished_at DESC, seq DESC LIMIT :limit))
ORDER BY state <> 'running', state <> 'queued', iif(state = 'queued', -priority, 0), iif(state = 'queued', place, 0),
         finished_at DESC, iif(finished_at IS NULL, seq, -seq)
LIMIT :limit;

-- name: jobs_count
SELECT ifnull(sum(queued + running + succeeded + failed + canceled), 0) FROM lanes;

-- name: groups
SELECT group_id, name, groups.is_paused, paused_by, pause_reason, is_canceled, is_open,
       queued + submitted, running - submitted, succeeded, failed, canceled,
       iif(canceled > 0, (SELECT count(*) FROM jobs
                          WHERE jobs.group_id = groups.group_id AND jobs.cause = 'stopped_early'), 0) AS stopped,
       sweeps.ended, sweeps.made, sweeps.wanted
FROM (SELECT *, (SELECT count(*) FROM jobs INDEXED BY jobs_waiting
                 WHERE jobs.lane_id = groups.lane_id AND waiting IS NOT NULL) AS submitted FROM groups) AS groups
JOIN lanes USING (lane_id) LEFT JOIN sweeps USING (group_id) ORDER BY lane_id;

-- name: jobs_running
SELECT seq, run_id, name, group_id, state, attempt, started_at,
           (strftime('%s', finished_at) - strftime('%s', started_at)) * 1000
               + substr(finished_at, 21, 3) - substr(started_at, 21, 3) AS milliseconds,
           metric_name, metric_value,
       overrides, tags, error, held, blockers, not_before,
       frozen_at IS NOT NULL OR yield_requested > 0 OR waiting IS NOT NULL AS is_odd,
       job_id, cpus, gpus, vram_mb, mem_mb, pins, stalled_at, 0 AS group_full
FROM jobs INDEXED BY slots_in_use CROSS JOIN shapes USING (shape_id) WHERE state = 'running' ORDER BY seq;

-- name: jobs_next
-- The first waiting job of a lane, as `jobs.next_waiting`.
SELECT seq, run_id, name, group_id, state, attempt, started_at,
           (strftime('%s', finished_at) - strftime('%s', started_at)) * 1000
               + substr(finished_at, 21, 3) - substr(started_at, 21, 3) AS milliseconds,
           metric_name, metric_value,
       overrides, tags, error, held, blockers, not_before, 0 AS is_odd,
       job_id, cpus, gpus, vram_mb, mem_mb, pins, stalled_at,
       ifnull((SELECT groups.run_limit IS NOT NULL AND lanes.running >= groups.run_limit
               FROM groups JOIN lanes USING (lane_id) WHERE groups.group_id = jobs.group_id), 0) AS group_full
FROM jobs JOIN shapes USING (shape_id) WHERE seq = (
    SELECT seq FROM jobs INDEXED BY jobs_next WHERE state = 'queued' AND lane_id = :lane_id
    ORDER BY is_gated, priority DESC, place, seq LIMIT 1);

-- name: groups_at_a_glance
-- As `groups.at_a_glance`.
SELECT group_id, name, groups.is_paused, paused_by, pause_reason, is_canceled, is_open,
       queued, running, succeeded, failed, canceled,
       iif(canceled > 0, (SELECT count(*) FROM jobs
                          WHERE jobs.group_id = groups.group_id AND jobs.cause = 'stopped_early'), 0) AS stopped,
       sweeps.ended, sweeps.made, sweeps.wanted
FROM groups JOIN lanes USING (lane_id) LEFT JOIN sweeps USING (group_id)
WHERE lane_id IN (
    SELECT lane_id FROM (SELECT lane_id FROM lanes WHERE lane_id > 1 AND queued + running > 0
                         ORDER BY running > 0 DESC, lane_id LIMIT :limit)
    UNION ALL
    SELECT lane_id FROM (SELECT lane_id FROM lanes WHERE lane_id > 1 AND queued + running = 0
                         ORDER BY lane_id DESC LIMIT :limit))
ORDER BY lane_id;

-- name: newest_folder
SELECT run_dir FROM jobs ORDER BY seq DESC LIMIT 1;

-- name: folder
-- Of the job with this number, if the text is not the id of something.
SELECT run_dir FROM jobs WHERE seq = :number
  AND NOT EXISTS (SELECT 1 FROM jobs AS other WHERE other.run_id = :text OR other.job_id = :text)
  AND NOT EXISTS (SELECT 1 FROM groups WHERE groups.group_id = :text);
