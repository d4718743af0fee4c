-- name: new_lane
-- A new group stands just before the one served last: it waits for one start of each other group
-- at most, and cannot push itself ahead of those that have waited longer.
INSERT INTO lanes (served)
SELECT max(0, 2 * served - 1) FROM daemon WHERE one = 1 RETURNING lane_id;

-- name: insert
INSERT INTO groups (group_id, lane_id, name, notes, created_at, created_by, updated_at,
                    max_parallel, fail_fast, objective_metric, direction, started_at)
VALUES (:group_id, :lane_id, :name, :notes, :now, :created_by, :now,
        :max_parallel, :fail_fast, :objective_metric, :direction, NULL);

-- name: by_id
SELECT groups.*, lanes.queued, lanes.running, lanes.succeeded,
       lanes.failed, lanes.canceled,
       (SELECT count(*) FROM jobs WHERE jobs.group_id = groups.group_id AND jobs.cause = 'stopped_early') AS stopped,
       (SELECT count(*) FROM jobs INDEXED BY jobs_waiting
        WHERE jobs.lane_id = groups.lane_id AND waiting IS NOT NULL) AS submitted,
       sweeps.ended AS sweep_ended, sweeps.made AS sweep_made, sweeps.wanted AS sweep_wanted
FROM groups JOIN lanes USING (lane_id) LEFT JOIN sweeps USING (group_id) WHERE group_id = :group_id;

-- name: all
SELECT groups.*, lanes.queued, lanes.running, lanes.succeeded,
       lanes.failed, lanes.canceled,
       (SELECT count(*) FROM jobs WHERE jobs.group_id = groups.group_id AND jobs.cause = 'stopped_early') AS stopped,
       (SELECT count(*) FROM jobs INDEXED BY jobs_waiting
        WHERE jobs.lane_id = groups.lane_id AND waiting IS NOT NULL) AS submitted,
       sweeps.ended AS sweep_ended, sweeps.made AS sweep_made, sweeps.wanted AS sweep_wanted
FROM groups JOIN lanes USING (lane_id) LEFT JOIN sweeps USING (group_id) ORDER BY lane_id;

-- name: changed
-- These groups.
SELECT groups.*, lanes.queued, lanes.running, lanes.succeeded,
       lanes.failed, lanes.canceled,
       (SELECT count(*) FROM jobs WHERE jobs.group_id = groups.group_id AND jobs.cause = 'stopped_early') AS stopped,
       (SELECT count(*) FROM jobs INDEXED BY jobs_waiting
        WHERE jobs.lane_id = groups.lane_id AND waiting IS NOT NULL) AS submitted,
       sweeps.ended AS sweep_ended, sweeps.made AS sweep_made, sweeps.wanted AS sweep_wanted
FROM groups JOIN lanes USING (lane_id) LEFT JOIN sweeps USING (group_id)
WHERE group_id IN (SELECT value FROM json_each(:names)) ORDER BY lane_id;

-- name: how_many
SELECT count(*) FROM groups;

-- name: at_a_glance
-- Some groups with work, those that have runs going first, and the newest of those without: however many there
-- are, a glance costs the same.
SELECT groups.*, lanes.queued, lanes.running, lanes.succeeded,
       lanes.failed, lanes.canceled,
       (SELECT count(*) FROM jobs WHERE jobs.group_id = groups.group_id AND jobs.cause = 'stopped_early') AS stopped,
       (SELECT count(*) FROM jobs INDEXED BY jobs_waiting
        WHERE jobs.lane_id = groups.lane_id AND waiting IS NOT NULL) AS submitted,
       sweeps.ended AS sweep_ended, sweeps.made AS sweep_made, sweeps.wanted AS sweep_wanted
FROM groups JOIN lanes USING (lane_id) LEFT JOIN sweeps USING (group_id)
WHERE lane_id IN (
    SELECT lane_id FROM (SELECT lane_id FROM lanes WHERE lane_id > 1 AND queued + running > 0
                         ORDER BY running > 0 DESC, lane_id LIMIT :limit)
    UNION ALL
    SELECT lane_id FROM (SELECT lane_id FROM lanes WHERE lane_id > 1 AND queued + running = 0
                         ORDER BY lane_id DESC LIMIT :limit))
ORDER BY lane_id;

-- name: counts
SELECT count(*) AS total, ifnull(sum(queued + running > 0), 0) AS open
FROM lanes WHERE lane_id > 1;

-- name: named
SELECT group_id FROM groups WHERE name = :name ORDER BY lane_id LIMIT 20;

-- name: newest
SELECT group_id FROM groups ORDER BY lane_id DESC LIMIT 1 OFFSET :back;

-- name: ids_starting_with
SELECT group_id FROM groups WHERE group_id >= :prefix AND group_id < :after LIMIT 20;

-- name: some_ids
SELECT group_id FROM groups ORDER BY lane_id DESC LIMIT 500;

-- name: some_names
SELECT name FROM groups GROUP BY name ORDER BY max(lane_id) DESC LIMIT 200;

-- name: ids
SELECT group_id FROM groups ORDER BY lane_id;

-- name: ids_newest_first
SELECT group_id FROM groups ORDER BY lane_id DESC LIMIT :limit;

-- name: set_paused
-- By a person. A resumed group has a clean record.
UPDATE groups SET is_paused = :is_paused, updated_at = :now,
                  paused_by = iif(:is_paused, ifnull(paused_by, 'person'), NULL),
                  pause_reason = iif(:is_paused, pause_reason, NULL), streak = iif(:is_paused, streak, 0)
WHERE group_id = :group_id;

-- name: pause_for
-- A pause that no person has asked for.
UPDATE groups SET is_paused = 1, paused_by = :paused_by, pause_reason = :reason, updated_at = :now
WHERE group_id = :group_id AND is_paused = 0;

-- name: set_breaker
UPDATE groups SET breaker = :breaker, updated_at = :now WHERE group_id = :group_id;

-- name: count_failure
-- One more attempt of the group has failed; return how many have failed alike in a row, and what decides.
UPDATE groups SET streak = iif(streak_signature IS :signature, streak, 0) + 1, streak_signature = :signature
WHERE group_id = :group_id
RETURNING name, streak, breaker, is_paused, is_open,
          (SELECT queued FROM lanes WHERE lanes.lane_id = groups.lane_id) AS queued;

-- name: set_open
UPDATE groups SET is_open = :is_open, updated_at = :now WHERE group_id = :group_id;

-- name: set_canceled
UPDATE groups SET is_canceled = :is_canceled, updated_at = :now WHERE group_id = :group_id;

-- name: set_objective
UPDATE groups SET objective_metric = :metric, direction = :direction, updated_at = :now WHERE group_id = :group_id;

-- name: describe
UPDATE groups SET name = :name, notes = :notes, updated_at = :now WHERE group_id = :group_id;

-- name: mark_started
UPDATE groups SET started_at = coalesce(started_at, :now), finished_at = NULL
WHERE group_id = :group_id AND (started_at IS NULL OR finished_at IS NOT NULL);

-- name: settle
-- A group is over when nothing of it is queued or running and no more is to come, and not over otherwise. A success
-- ends its row of failures. Mostly nothing of this is new: then nothing is written, and no row returned.
UPDATE groups SET finished_at = iif(finished_at IS NULL, iif(is_over, :now, NULL), iif(is_over, finished_at, NULL)),
                  streak = iif(:has_succeeded, 0, streak)
FROM (SELECT group_id AS settled, (is_open = 0 OR is_canceled = 1) AND queued + running = 0 AS is_over
      FROM groups JOIN lanes USING (lane_id) WHERE group_id = :group_id)
WHERE group_id = settled AND (is_over <> (finished_at IS NOT NULL) OR (:has_succeeded AND streak > 0))
RETURNING finished_at, is_canceled;

-- name: delete_empty
DELETE FROM groups WHERE group_id = :group_id AND (is_open = 0 OR is_canceled = 1)
  AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.group_id = groups.group_id);

-- name: lanes_waiting
SELECT lane_id, lanes.is_paused, pause_reason FROM lanes LEFT JOIN groups USING (lane_id)
WHERE queued > 0 ORDER BY served, lane_id LIMIT :limit;

-- name: is_paused
SELECT lanes.is_paused, pause_reason FROM lanes LEFT JOIN groups USING (lane_id) WHERE lane_id = :lane_id;

-- name: serve
-- Even numbers for those served, odd ones for newcomers between them. Returns what a start must know of the group.
UPDATE daemon SET served = served + 1, last_served_group = :group_id WHERE one = 1
RETURNING served,
          (SELECT started_at IS NULL OR finished_at IS NOT NULL FROM groups WHERE group_id = :group_id) AS is_begin,
          (SELECT objective_metric FROM groups WHERE group_id = :group_id) AS objective_metric,
          (SELECT direction FROM groups WHERE group_id = :group_id) AS direction;

-- name: set_served
UPDATE lanes SET served = 2 * :served WHERE lane_id = :lane_id;

-- name: best_and_pace
-- Extremes of the group's metric, and how long a run of it takes in seconds. The metric is the objective, or else the
-- one of `first_metric`. SQLite has no NaN; infinity takes no part.
WITH ranked AS (
    SELECT coalesce(:objective, (
        SELECT metric_name FROM jobs
        WHERE group_id = :group_id AND state = 'succeeded' AND metric_name IS NOT NULL
        ORDER BY seq LIMIT 1)) AS metric
)
SELECT max(CASE WHEN metric_name = metric AND abs(metric_value) < 9e999 THEN metric_value END) AS highest,
       min(CASE WHEN metric_name = metric AND abs(metric_value) < 9e999 THEN metric_value END) AS lowest,
       max(CASE WHEN metric_name = metric THEN metric END) AS metric_name,
       avg((julianday(finished_at) - julianday(started_at)) * 86400) AS seconds
FROM ranked, jobs WHERE group_id = :group_id AND state = 'succeeded';

-- name: highest
-- Only the one row is read as a whole.
SELECT * FROM full_jobs WHERE seq = (
    SELECT seq FROM jobs
    WHERE group_id = :group_id AND state = 'succeeded' AND metric_name = :metric AND abs(metric_value) < 9e999
    ORDER BY metric_value DESC, seq LIMIT 1);

-- name: lowest
SELECT * FROM full_jobs WHERE seq = (
    SELECT seq FROM jobs
    WHERE group_id = :group_id AND state = 'succeeded' AND metric_name = :metric AND abs(metric_value) < 9e999
    ORDER BY metric_value, seq LIMIT 1);

-- name: first_metric
-- The primary metric of the first run that has succeeded with one, diverged or not.
SELECT metric_name FROM jobs
WHERE group_id = :group_id AND state = 'succeeded' AND metric_name IS NOT NULL ORDER BY seq LIMIT 1;

-- name: set_limit
UPDATE groups SET run_limit = :run_limit, updated_at = :now WHERE group_id = :group_id;
