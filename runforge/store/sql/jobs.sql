-- name: insert
INSERT INTO jobs (job_id, run_id, group_id, lane_id, run_dir, priority, state, shape_id,
                  dry_run_seconds, overrides, name, tags, notes, held, delayed, not_before,
                  env_id, request_sha, retry_rules, recipe, config_hash, learns, trial_no,
                  is_resumable, on_lost, code_tree, notify, stall_seconds, stall_kill, created_at, updated_at)
VALUES (:job_id, :run_id, :group_id, :lane_id, :run_dir, :priority, 'queued', :shape_id,
        :dry_run_seconds, :overrides, :name, :tags, :notes, :held, :delayed, :not_before,
        :env_id, :request_sha, :retry_rules, :recipe, :config_hash, :learns, :trial_no,
        :is_resumable, :on_lost, :code_tree, :notify, :stall_seconds, :stall_kill, :now, :now);

-- name: by_job_id
SELECT * FROM full_jobs WHERE job_id = :job_id;

-- name: by_run_id
SELECT * FROM full_jobs WHERE run_id = :run_id;

-- name: number
-- To make the statement of a whole job takes longer than to insert one.
SELECT seq FROM jobs WHERE job_id = :job_id;

-- name: number_of_run
SELECT seq FROM jobs WHERE run_id = :run_id;

-- name: all
SELECT * FROM full_jobs ORDER BY seq;

-- name: unknown_names
SELECT value FROM json_each(:names) WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE run_id = value);

-- name: of_group
SELECT * FROM full_jobs WHERE group_id = :group_id ORDER BY seq;

-- name: ends
SELECT (SELECT min(seq) FROM jobs) AS first, (SELECT max(seq) FROM jobs) AS last;

-- name: oldest_shown
-- Where the newest of the ended jobs begin. An index alone is read, and as many entries of it as are shown.
SELECT finished_at, seq FROM jobs WHERE finished_at IS NOT NULL
ORDER BY finished_at DESC, seq DESC LIMIT 1 OFFSET :others;

-- name: block
SELECT * FROM full_jobs WHERE seq >= :first AND seq < :after ORDER BY seq;

-- name: block_shown
-- The jobs of a block that queue.json shows: those that have not ended, and those that ended last. Not whole rows, which
-- take twice as long.
SELECT seq, job_id, run_id, group_id, name, tags, priority, state, gpus, attempt, created_at, started_at, finished_at, error,
       cause, cancel_requested, dry_run_seconds, held, blockers, not_before, frozen_at, yield_requested, is_resumable,
       on_lost, yields, stop_reason, waiting
FROM full_jobs
WHERE seq >= :first AND seq < :after AND (finished_at IS NULL OR (finished_at, seq) >= (:finished_at, :seq))
ORDER BY seq;

-- name: blocks_shown
-- Each of the lists is read from an index of its own.
SELECT seq / :size FROM jobs WHERE state = 'queued'
UNION
SELECT seq / :size FROM jobs WHERE state = 'running'
UNION
SELECT DISTINCT seq / :size FROM jobs WHERE finished_at = :finished_at AND seq >= :seq
UNION
SELECT DISTINCT seq / :size FROM jobs WHERE finished_at > :finished_at;

-- name: blocks_ended_between
-- From one place in the order of the ends up to before another. Very many may have ended at one moment: a cancelled
-- queue. So the index is entered at each end, where (finished_at, seq) >= (...) would read all of that moment.
SELECT DISTINCT seq / :size FROM jobs
WHERE finished_at = :finished_at AND seq >= :seq AND seq < iif(:finished_at = :until, :until_seq, 1 << 62)
UNION
SELECT DISTINCT seq / :size FROM jobs WHERE finished_at > :finished_at AND finished_at < :until
UNION
SELECT DISTINCT seq / :size FROM jobs WHERE finished_at = :until AND :until > :finished_at AND seq < :until_seq;

-- name: runs_of_group
-- What group.json shows of its runs: whole rows take three times as long.
SELECT run_id, state, metric_name, metric_value, started_at, cause, waiting, overrides, run_dir FROM jobs
WHERE group_id = :group_id AND seq >= :first AND seq < :after ORDER BY seq;

-- name: block_of_group
SELECT * FROM full_jobs WHERE group_id = :group_id AND seq >= :first AND seq < :after ORDER BY seq;

-- name: blocks_of_group
SELECT DISTINCT seq / :size FROM jobs WHERE group_id = :group_id ORDER BY 1;

-- name: page_in_state
SELECT * FROM full_jobs WHERE state = :state AND seq > :after ORDER BY seq LIMIT :limit;

-- name: page
SELECT * FROM full_jobs WHERE seq > :after ORDER BY seq LIMIT :limit;

-- name: newest
SELECT * FROM (SELECT * FROM full_jobs ORDER BY seq DESC LIMIT :limit) ORDER BY seq;

-- name: page_of_group
SELECT * FROM full_jobs WHERE group_id = :group_id AND seq > :after ORDER BY seq LIMIT :limit;

-- name: page_of_group_in_state
SELECT * FROM full_jobs WHERE group_id = :group_id AND state = :state AND seq > :after
ORDER BY seq LIMIT :limit;

-- name: newest_run
SELECT run_id FROM jobs ORDER BY seq DESC LIMIT 1 OFFSET :back;

-- name: live_singles
SELECT * FROM full_jobs WHERE seq IN (
    SELECT seq FROM jobs WHERE state = 'queued' AND lane_id = 1 UNION ALL SELECT seq FROM jobs WHERE state = 'running')
  AND group_id IS NULL ORDER BY seq;

-- name: newest_before
SELECT * FROM full_jobs WHERE seq < :before ORDER BY seq DESC LIMIT 1;

-- name: first_of_batch
-- The first of the jobs that were made together with their group.
SELECT min(seq) FROM jobs WHERE group_id = :group_id AND created_at = :created_at;

-- name: running
SELECT * FROM full_jobs WHERE seq IN (SELECT seq FROM jobs INDEXED BY slots_in_use WHERE state = 'running') ORDER BY seq;

-- name: ids_starting_with
-- Any unique beginning of a run's or job's id names it.
SELECT run_id FROM jobs WHERE run_id >= :prefix AND run_id < :after
UNION
SELECT run_id FROM jobs WHERE job_id >= :prefix AND job_id < :after
LIMIT 20;

-- name: some_run_ids
SELECT run_id FROM jobs ORDER BY seq DESC LIMIT 200;

-- name: some_numbers
-- One text: a thousand rows would take longer to make than to read.
SELECT group_concat(seq, ' ') FROM (SELECT seq FROM jobs ORDER BY seq DESC LIMIT 1000);

-- name: shape_id
SELECT shape_id FROM shapes
WHERE gpus = :gpus AND cpus = :cpus AND vram_mb = :vram_mb AND mem_mb = :mem_mb AND pins = :pins;

-- name: new_shape
INSERT INTO shapes (cpus, gpus, vram_mb, mem_mb, pins) VALUES (:cpus, :gpus, :vram_mb, :mem_mb, :pins) RETURNING shape_id;

-- name: heads
-- Of each need that some ready job has: the lane whose turn it is among those with such a job, and of these jobs in
-- it the next one: priority first, then place, then age. Index seeks alone, in one statement: each costs as much as
-- all of them. How many lanes are paused or at their limit and how many jobs are gated does not matter, nor how many needs there were.
WITH RECURSIVE first (row_id) AS (
    SELECT (SELECT row_id FROM lane_shapes INDEXED BY lanes_ready
            WHERE ready > 0 AND is_closed = 0 AND shape_id > 0
            ORDER BY shape_id, served, lane_id LIMIT 1)
    UNION ALL
    SELECT (SELECT row_id FROM lane_shapes INDEXED BY lanes_ready
            WHERE ready > 0 AND is_closed = 0
              AND shape_id > (SELECT shape_id FROM lane_shapes WHERE row_id = first.row_id)
            ORDER BY shape_id, served, lane_id LIMIT 1)
    FROM first WHERE row_id IS NOT NULL)
SELECT served, next.place, full_jobs.*
FROM first CROSS JOIN lane_shapes AS lane USING (row_id) CROSS JOIN jobs AS next
     CROSS JOIN full_jobs ON full_jobs.seq = next.seq
WHERE next.seq = (SELECT seq FROM jobs INDEXED BY jobs_next
             WHERE lane_id = lane.lane_id AND shape_id = lane.shape_id AND state = 'queued' AND is_gated = 0
             ORDER BY priority DESC, place, seq LIMIT 1);

-- name: heads_of_lane
-- The same for one lane, whosever turn it is.
SELECT served, next.place, full_jobs.*
FROM lane_shapes AS lane CROSS JOIN jobs AS next CROSS JOIN full_jobs ON full_jobs.seq = next.seq
WHERE lane.lane_id = :lane_id AND ready > 0 AND is_closed = 0
  AND next.seq = (SELECT seq FROM jobs INDEXED BY jobs_next
             WHERE lane_id = lane.lane_id AND shape_id = lane.shape_id AND state = 'queued' AND is_gated = 0
             ORDER BY priority DESC, place, seq LIMIT 1);

-- name: next_waiting
SELECT * FROM full_jobs WHERE seq = (
    SELECT seq FROM jobs INDEXED BY jobs_next WHERE state = 'queued' AND lane_id = :lane_id
    ORDER BY is_gated, priority DESC, place, seq LIMIT 1);

-- name: claim
UPDATE jobs SET state = 'running', started_at = :now, updated_at = :now, error = NULL, cause = NULL, stalled_at = NULL,
                waiting = :waiting, slot = :slot
WHERE job_id = :job_id AND state = 'queued' AND attempt = :attempt AND cancel_requested = 0 AND is_gated = 0;

-- name: end
-- Returns whether somebody waits for the job, and for its group.
UPDATE jobs SET state = :state, finished_at = :now, updated_at = :now, error = :error,
                cause = :cause, metric_name = :metric_name, metric_value = :metric_value,
                frozen_at = NULL, yield_requested = 0, waiting = NULL, recalled = 0, slot = NULL,
                stop_reason = CASE WHEN :cause = 'stopped_early' THEN stop_reason END
WHERE job_id = :job_id AND attempt = :attempt AND state = :from_state
  AND state IN ('queued', 'running')
RETURNING EXISTS (SELECT 1 FROM dependencies WHERE parent = jobs.job_id AND met = 0) AS is_awaited,
          EXISTS (SELECT 1 FROM dependencies WHERE parent = jobs.group_id AND met = 0) AS is_group_awaited;

-- name: requeue
UPDATE jobs SET state = 'queued', attempt = attempt + 1, lost = lost + :lost, started_at = NULL,
                updated_at = :now, error = :error, cause = :cause,
                not_before = :not_before, delayed = :not_before IS NOT NULL,
                held = :held, frozen_at = NULL, yield_requested = 0, stop_reason = NULL, waiting = NULL, recalled = 0,
                slot = NULL
WHERE job_id = :job_id AND attempt = :attempt AND state = 'running';

-- name: give_back
-- After a yield: before all others of its lane and priority that wait.
UPDATE jobs SET state = 'queued', attempt = attempt + 1, started_at = NULL, updated_at = :now, error = :error,
                cause = :cause, held = :held, frozen_at = NULL, yield_requested = 0, waiting = NULL, recalled = 0,
                slot = NULL, yields = yields + 1, idle_yields = :idle_yields, last_step = :last_step,
                position = (SELECT iif(first <= jobs.place, first - 1, jobs.position)
                            FROM (SELECT min(place) AS first FROM jobs AS other INDEXED BY jobs_next
                                  WHERE other.state = 'queued' AND other.lane_id = jobs.lane_id
                                    AND other.priority = jobs.priority))
WHERE job_id = :job_id AND attempt = :attempt AND state = 'running' AND cancel_requested = 0;

-- name: try_again
UPDATE jobs SET state = 'queued', attempt = attempt + 1, lost = 0, started_at = NULL, updated_at = :now,
                error = :error, cause = :cause, not_before = :not_before, delayed = 1, retries_used = :used,
                frozen_at = NULL, yield_requested = 0, stop_reason = NULL, waiting = NULL, recalled = 0,
                slot = NULL
WHERE job_id = :job_id AND attempt = :attempt AND state = 'running' AND cancel_requested = 0;

-- name: wait
UPDATE jobs SET waiting = :waiting, updated_at = :now
WHERE job_id = :job_id AND attempt = :attempt AND state = 'running' AND waiting IS NOT NULL AND waiting <> :waiting;

-- name: begin
UPDATE jobs SET waiting = NULL, recalled = 0, started_at = :begun_at, updated_at = :now
WHERE job_id = :job_id AND attempt = :attempt AND state = 'running' AND waiting IS NOT NULL;

-- name: recall
UPDATE jobs SET recalled = :wish, updated_at = :now WHERE job_id = :job_id AND state = 'running' AND waiting IS NOT NULL;

-- name: to_recall
-- What waits in a cluster's queue and is not to begin now: a person wants it back, its lane is paused, or the window is
-- full and a more urgent job of its lane is ready. Index seeks alone, for each that waits.
SELECT job_id FROM jobs INDEXED BY jobs_waiting CROSS JOIN lanes USING (lane_id)
WHERE waiting IS NOT NULL AND jobs.state = 'running'
  AND (recalled > 0 OR lanes.is_paused = 1
       OR (:is_full AND EXISTS (
           SELECT 1 FROM lane_shapes AS ready
           WHERE ready.lane_id = jobs.lane_id AND ready.ready > 0 AND ready.is_closed = 0
             AND jobs.priority < (SELECT other.priority FROM jobs AS other INDEXED BY jobs_next
                                  WHERE other.lane_id = ready.lane_id AND other.shape_id = ready.shape_id
                                    AND other.state = 'queued' AND other.is_gated = 0
                                  ORDER BY other.priority DESC, other.place, other.seq LIMIT 1))));

-- name: next_due
SELECT min(not_before) FROM jobs WHERE state = 'queued' AND delayed = 1;

-- name: release_due
UPDATE jobs SET delayed = 0, not_before = NULL, updated_at = :now
WHERE state = 'queued' AND delayed = 1 AND not_before <= :now;

-- name: retry
UPDATE jobs SET state = 'queued', attempt = attempt + 1, lost = 0, cancel_requested = 0,
                started_at = NULL, finished_at = NULL, updated_at = :now, error = NULL,
                cause = NULL, metric_name = NULL, metric_value = NULL, not_before = NULL, delayed = 0,
                retries_used = '[]', idle_yields = 0, stop_reason = NULL
WHERE job_id = :job_id AND attempt = :attempt AND state IN ('failed', 'canceled');

-- name: ask_to_cancel
-- A frozen run goes on, to its end.
UPDATE jobs SET cancel_requested = 1, frozen_at = NULL, updated_at = :now
WHERE job_id = :job_id AND state = 'running' AND cancel_requested = 0;

-- name: stop_early
-- A frozen run goes on, to its end.
UPDATE jobs SET stop_reason = :reason, frozen_at = NULL, updated_at = :now
WHERE job_id = :job_id AND attempt = :attempt AND state = 'running' AND cancel_requested = 0 AND stop_reason IS NULL;

-- name: set_frozen
UPDATE jobs SET frozen_at = :frozen_at, updated_at = :now WHERE job_id = :job_id AND state = 'running';

-- name: ask_to_yield
-- A frozen run goes on, to save its work.
UPDATE jobs SET yield_requested = :wish, frozen_at = NULL, updated_at = :now
WHERE job_id = :job_id AND state = 'running' AND cancel_requested = 0;

-- name: set_priority
UPDATE jobs SET priority = :priority, updated_at = :now
WHERE job_id = :job_id AND state IN ('queued', 'running');

-- name: set_held
UPDATE jobs SET held = :held, updated_at = :now WHERE job_id = :job_id AND state = 'queued' AND held <> :held;

-- name: places
-- The waiting jobs of a lane with one priority, in their order.
SELECT job_id, place FROM jobs INDEXED BY jobs_next WHERE state = 'queued' AND lane_id = :lane_id AND priority = :priority
ORDER BY place, seq;

-- name: next_seq
-- The number that the next job will have.
SELECT ifnull((SELECT seq FROM sqlite_sequence WHERE name = 'jobs'), 0) + 1;

-- name: set_position
UPDATE jobs SET position = :position, updated_at = :now WHERE job_id = :job_id AND state = 'queued';

-- name: folders_of_other_names
-- Folders of runs that are not called as their run is.
SELECT run_dir FROM jobs WHERE run_dir NOT LIKE '%/' || run_id;

-- name: prunable
-- The jobs that ended before a time, groups only as a whole, group by group.
SELECT seq, group_id FROM jobs
WHERE finished_at IS NOT NULL AND finished_at < :before
  AND (group_id IS NULL OR group_id NOT IN (
      SELECT group_id FROM jobs
      WHERE group_id IS NOT NULL AND (finished_at IS NULL OR finished_at >= :before)
      UNION SELECT group_id FROM groups WHERE is_open = 1 AND is_canceled = 0))
ORDER BY group_id, seq;

-- name: prunable_among
-- Those of some jobs that are still prunable.
SELECT * FROM full_jobs
WHERE seq IN (SELECT value FROM json_each(:seqs)) AND finished_at IS NOT NULL AND finished_at < :before
  AND (group_id IS NULL OR group_id NOT IN (
      SELECT group_id FROM jobs AS other
      WHERE group_id IN (SELECT group_id FROM jobs WHERE seq IN (SELECT value FROM json_each(:seqs)))
        AND (finished_at IS NULL OR finished_at >= :before)
      UNION SELECT group_id FROM groups WHERE is_open = 1 AND is_canceled = 0))
ORDER BY seq;

-- name: mark_pruned
UPDATE jobs SET updated_at = :now WHERE job_id = :job_id;

-- name: delete
DELETE FROM jobs WHERE job_id = :job_id;

-- name: delete_many
DELETE FROM jobs WHERE job_id IN (SELECT value FROM json_each(:job_ids));

-- name: totals
-- What was submitted to a cluster and has not begun is queued to people.
SELECT sum(queued) + waiting AS queued, sum(running) - waiting AS running,
       sum(succeeded) AS succeeded, sum(failed) AS failed, sum(canceled) AS canceled
FROM lanes, (SELECT count(*) AS waiting FROM jobs INDEXED BY jobs_waiting WHERE waiting IS NOT NULL);

-- name: count_by_lane
-- What the lanes count, the slow way, to check the counters against.
SELECT lane_id, shape_id, state, state = 'queued' AND is_gated = 0 AS is_ready, count(*) AS jobs FROM jobs NOT INDEXED
GROUP BY 1, 2, 3, 4;

-- name: count_ready
-- The slow way, for a journal that is written out of saved rows.
INSERT INTO lane_shapes (lane_id, shape_id, ready, served, is_closed)
SELECT lane_id, shape_id, sum(state = 'queued' AND is_gated = 0), served, is_closed
FROM jobs NOT INDEXED CROSS JOIN lanes USING (lane_id) GROUP BY lane_id, shape_id;

-- name: lane_counters
SELECT lane_id, queued, running, succeeded, failed, canceled FROM lanes;

-- name: lane_needs
-- How many jobs of each need are ready in a lane, as it is kept, and whether the lane's turn beside it is right.
SELECT lane_id, shape_id, ready, kept.served IS lanes.served AND kept.is_closed IS lanes.is_closed AS has_turn
FROM lane_shapes AS kept LEFT JOIN lanes USING (lane_id);

-- name: window
-- The rows that a screen shows, by their place in the journal.
SELECT * FROM full_jobs WHERE seq IN (SELECT value FROM json_each(:seqs));

-- name: order_running
-- One text with all numbers: a hundred thousand rows would cost six times as much. A limit of -1 is none.
SELECT group_concat(seq) FROM (SELECT seq FROM jobs INDEXED BY slots_in_use WHERE state = 'running' ORDER BY seq LIMIT :limit);

-- name: order_queued
SELECT group_concat(seq) FROM (
    SELECT seq FROM jobs WHERE state = 'queued' ORDER BY priority DESC, place, seq LIMIT :limit);

-- name: order_ended
SELECT group_concat(seq) FROM (
    SELECT seq FROM jobs WHERE finished_at IS NOT NULL ORDER BY finished_at DESC, seq DESC LIMIT :limit);

-- name: ended_since
-- The jobs that have ended since then, the newest first, as in `order_ended`.
SELECT seq FROM jobs WHERE finished_at >= :since ORDER BY finished_at DESC, seq DESC LIMIT :limit;

-- name: places_of
SELECT seq, finished_at FROM jobs WHERE job_id IN (SELECT value FROM json_each(:jobs));

-- name: order_matching
-- Jobs that match, in the order asked for; those without the sorted value last. `live` is running,
-- queued, then the newest end first. Overrides are searched as they are shown: name=value. A term does not hold if
-- its case is what the term does not want (core/filters.py).
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
          WHERE ((state || ' ' || run_id || ' ' || job_id || ' ' || coalesce(group_id, '') || ' ' || tags || ' '
                  || coalesce(name, '') || ' ' || coalesce(notes, '') || ' '
                  || replace(replace(overrides, '": ', '='), '"', '') || ' ' || coalesce(error, '')) LIKE wanted.value ESCAPE '\')
                = (wanted.key >= :unwanted_from))
      AND NOT EXISTS (
          SELECT 1 FROM json_each(:terms) AS term
          WHERE (CASE json_extract(term.value, '$.field')
              WHEN 'number' THEN EXISTS (
                  SELECT 1 FROM json_each(term.value, '$.values') AS ends
                  WHERE seq BETWEEN json_extract(ends.value, '$[0]') AND json_extract(ends.value, '$[1]'))
              WHEN 'value' THEN EXISTS (
                  SELECT 1 FROM (SELECT type, value FROM json_each(overrides)
                                 WHERE key = json_extract(term.value, '$.key')
                                    OR key LIKE json_extract(term.value, '$.like') ESCAPE '\'
                                 UNION ALL
                                 SELECT 'real', metric_value
                                 WHERE metric_name = json_extract(term.value, '$.key')) AS given
                  WHERE CASE json_extract(term.value, '$.sign') || (given.type IN ('integer', 'real'))
                      WHEN '=1' THEN given.value = json_extract(term.value, '$.number')
                      WHEN '<1' THEN given.value < json_extract(term.value, '$.number')
                      WHEN '>1' THEN given.value > json_extract(term.value, '$.number')
                      WHEN '<=1' THEN given.value <= json_extract(term.value, '$.number')
                      WHEN '>=1' THEN given.value >= json_extract(term.value, '$.number')
                      WHEN '=0' THEN json_extract(term.value, '$.text') = CASE
                          WHEN given.type IN ('true', 'false', 'null') THEN given.type
                          ELSE lower(given.value) END
                  END)
              ELSE EXISTS (
                  SELECT 1 FROM json_each(term.value, '$.values') AS wanted
                  WHERE CASE json_extract(term.value, '$.field')
                      WHEN 'group' THEN group_id LIKE wanted.value ESCAPE '\'
                      WHEN 'name' THEN name LIKE wanted.value ESCAPE '\'
                      WHEN 'cause' THEN cause = wanted.value
                      WHEN 'tag' THEN EXISTS (SELECT 1 FROM json_each(tags) AS tag WHERE tag.value = wanted.value)
                  END)
          END) = json_extract(term.value, '$.unwanted'))
)
SELECT group_concat(seq), count(sorted) FROM (
    SELECT seq, sorted FROM matching
    ORDER BY sorted IS NULL, sorted,
             CASE WHEN :sort = 'live' AND state = 'queued' THEN -priority END,
             CASE WHEN :sort = 'live' AND state = 'queued' THEN place END,
             CASE WHEN :sort = 'live' THEN finished_at END DESC, seq);

-- name: environments
-- The stored environments that jobs name, and sweeps for the jobs that they will make.
SELECT DISTINCT env_id FROM jobs WHERE env_id IS NOT NULL
UNION SELECT json_extract(template, '$.request.environment.id') FROM sweeps
WHERE json_extract(template, '$.request.environment.id') IS NOT NULL;

-- name: take_request
-- Its request.json, as it is in the file now.
UPDATE jobs SET request_sha = :request_sha, env_id = :env_id, retry_rules = :retry_rules, overrides = :overrides,
                stall_seconds = :stall_seconds, stall_kill = :stall_kill,
                recipe = :recipe, config_hash = :config_hash, is_resumable = :is_resumable, on_lost = :on_lost,
                updated_at = :now
WHERE job_id = :job_id;

-- name: set_needs
UPDATE jobs SET shape_id = :shape_id, updated_at = :now WHERE job_id = :job_id AND state = 'queued';

-- name: edit
-- A new request of a queued job. Nothing is changed if it was started or edited since its version was read.
UPDATE jobs SET request_sha = :request_sha, env_id = :env_id, retry_rules = :retry_rules, overrides = :overrides,
                stall_seconds = :stall_seconds, stall_kill = :stall_kill,
                recipe = :recipe, config_hash = :config_hash, is_resumable = :is_resumable, on_lost = :on_lost,
                shape_id = :shape_id, learns = :learns, version = version + 1,
                retries_used = CASE WHEN retry_rules = :retry_rules THEN retries_used ELSE '[]' END, updated_at = :now
WHERE job_id = :job_id AND state = 'queued' AND version = :version;

-- name: learning
-- The waiting runs of a recipe whose memory follows from earlier runs.
SELECT job_id, overrides, cpus, gpus, vram_mb, mem_mb, pins FROM jobs CROSS JOIN shapes USING (shape_id)
WHERE recipe = :recipe AND learns = 1 AND state = 'queued';

-- name: learn_no_more
UPDATE jobs SET learns = 0 WHERE job_id = :job_id AND learns = 1;

-- name: set_overrides
UPDATE jobs SET overrides = :overrides, updated_at = :now WHERE job_id = :job_id;

-- name: reshape
UPDATE jobs SET shape_id = :shape_id, updated_at = :now
WHERE job_id = :job_id AND state = 'queued' AND shape_id <> :shape_id;

-- name: describe
UPDATE jobs SET name = :name, tags = :tags, notes = :notes, updated_at = :now WHERE job_id = :job_id;

-- name: set_not_before
UPDATE jobs SET not_before = :not_before, delayed = :not_before IS NOT NULL, updated_at = :now
WHERE job_id = :job_id AND state = 'queued' AND not_before IS NOT :not_before;

-- name: set_notify
UPDATE jobs SET notify = :notify WHERE job_id = :job_id;

-- name: set_stalled
-- A running job gives no sign of life, or does again.
UPDATE jobs SET stalled_at = :stalled_at, updated_at = :now WHERE job_id = :job_id AND attempt = :attempt AND state = 'running';

-- name: of_configs
-- The runs of a group with these configurations.
SELECT seq, state, config_hash FROM jobs
WHERE group_id = :group_id AND config_hash IN (SELECT value FROM json_each(:hashes)) ORDER BY seq;
