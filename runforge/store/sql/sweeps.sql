-- name: of_group
SELECT * FROM sweeps WHERE group_id = :group_id;

-- name: put
-- The sweep of a group; another one of it is replaced, and its trials stay made.
INSERT INTO sweeps (group_id, space, method, seed, wanted, made, asked, repeat, template, stop, keep)
VALUES (:group_id, :space, :method, :seed, :wanted, :made, :asked, :repeat, :template, :stop, :keep)
ON CONFLICT (group_id) DO UPDATE SET
    space = excluded.space, method = excluded.method, seed = excluded.seed, wanted = excluded.wanted,
    made = excluded.made, asked = excluded.asked, repeats = 0, repeat = excluded.repeat, ended = NULL,
    template = excluded.template, stop = excluded.stop, keep = excluded.keep;

-- name: next_trial
-- The number of a group's next trial; numbers of removed runs are not used again.
SELECT max(ifnull((SELECT max(trial_no) + 1 FROM jobs WHERE group_id = :group_id), 0),
           ifnull((SELECT made FROM sweeps WHERE group_id = :group_id), 0));

-- name: extend
UPDATE sweeps SET space = :space, wanted = :wanted, repeats = 0, ended = NULL WHERE group_id = :group_id;

-- name: advance
-- After suggestions, unless others were made meanwhile.
UPDATE sweeps SET made = :made, asked = :asked, repeats = :repeats, ended = :ended
WHERE group_id = :group_id AND asked = :was_asked AND made = :was_made;

-- name: searches
-- Whether there are sweeps whose trials are made one by one.
SELECT EXISTS (SELECT 1 FROM sweeps WHERE method = 'tpe');

-- name: hungry
-- A sweep that wants its next trials: fewer than `slots` of its runs wait. One whose runs go one at a time asks when
-- none waits or runs: then each trial knows all earlier ones, however long each took, and the seed repeats the sweep.
SELECT sweeps.group_id FROM sweeps JOIN groups USING (group_id) JOIN lanes USING (lane_id)
WHERE sweeps.method = 'tpe' AND sweeps.made < sweeps.wanted AND sweeps.ended IS NULL AND groups.is_open = 1 AND groups.is_canceled = 0
  AND groups.is_paused = 0 AND lanes.queued < min(:slots, ifnull(groups.run_limit, :slots))
  AND (lanes.running = 0 OR min(:slots, ifnull(groups.run_limit, :slots)) > 1)
  AND group_id NOT IN (SELECT value FROM json_each(:asked))
ORDER BY lanes.queued, lane_id LIMIT 1;

-- name: trials
-- What the runs of a group have shown, oldest first.
SELECT seq, state, cause, started_at, overrides, stop_reason, CASE WHEN metric_name = :metric THEN metric_value END AS value
FROM jobs WHERE group_id = :group_id AND overrides <> '{}' ORDER BY seq;

-- name: judged
-- The running runs of sweeps with a stop rule.
SELECT jobs.job_id, jobs.group_id, sweeps.stop, groups.objective_metric AS metric, groups.direction
FROM jobs INDEXED BY slots_in_use CROSS JOIN sweeps USING (group_id) JOIN groups USING (group_id)
WHERE jobs.state = 'running' AND sweeps.stop <> '{}' AND groups.objective_metric IS NOT NULL
  AND jobs.cancel_requested = 0 AND jobs.stop_reason IS NULL ORDER BY +seq;

-- name: has_rules
-- Whether a sweep has a stop rule at all.
SELECT EXISTS (SELECT 1 FROM sweeps WHERE stop <> '{}');

-- name: compared
-- The runs of a sweep that have ended with a curve to compare with, the newest ones.
SELECT job_id, run_dir, state, attempt FROM jobs
WHERE group_id = :group_id AND (state = 'succeeded' OR cause = 'stopped_early') ORDER BY finished_at DESC LIMIT :limit;

-- name: set_stop
UPDATE sweeps SET stop = :stop WHERE group_id = :group_id;

-- name: set_keep
UPDATE sweeps SET keep = :keep WHERE group_id = :group_id;

-- name: set_ended
-- No more trials are made.
UPDATE sweeps SET ended = :ended WHERE group_id = :group_id AND ended IS NULL;

-- name: keeping
-- The sweeps of which only the best runs keep their artifacts.
SELECT sweeps.group_id, sweeps.keep, groups.objective_metric AS metric, groups.direction
FROM sweeps JOIN groups USING (group_id) WHERE sweeps.keep IS NOT NULL AND groups.objective_metric IS NOT NULL;

-- name: not_best
-- The ended runs of a group that are not among its best ones.
SELECT job_id, run_id, run_dir, attempt FROM jobs
WHERE group_id = :group_id AND state IN ('succeeded', 'failed', 'canceled') AND started_at IS NOT NULL
  AND seq NOT IN (SELECT seq FROM jobs
                  WHERE group_id = :group_id AND state = 'succeeded' AND metric_name = :metric
                    AND abs(metric_value) < 9e999
                  ORDER BY :sign * metric_value, seq LIMIT :keep)
ORDER BY seq;

-- name: note_deleted
-- The artifacts of a run are deleted next, unless it was queued again.
INSERT INTO journal (at, event, job_id, group_id, attempt)
SELECT :now, 'artifacts_deleted', job_id, group_id, attempt FROM jobs
WHERE job_id = :job_id AND attempt = :attempt AND state IN ('succeeded', 'failed', 'canceled');
