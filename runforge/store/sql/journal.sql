-- name: epoch
-- The epoch of the newest daemon; an older one may not write.
SELECT epoch FROM daemon WHERE one = 1;

-- name: last_seq
-- The newest entry; exports and screens say how far they have read.
SELECT coalesce(max(seq), 0) FROM journal;

-- name: entry
-- One entry, by which an exporter knows the journal that its files show.
SELECT at, event, job_id, group_id, to_state, attempt FROM journal WHERE seq = :seq;

-- name: groups_changed_since
SELECT DISTINCT group_id FROM journal WHERE seq > :seq AND group_id IS NOT NULL;

-- name: groups_changed_last
-- Those of the newest entries, the newest first.
SELECT group_id FROM journal WHERE seq > :seq AND group_id IS NOT NULL
GROUP BY group_id ORDER BY max(seq) DESC LIMIT :limit;

-- name: blocks_changed_since
SELECT DISTINCT jobs.seq / :size FROM journal JOIN jobs USING (job_id) WHERE journal.seq > :seq;

-- name: pruned_since
SELECT EXISTS (SELECT 1 FROM journal WHERE seq > :seq AND event = 'pruned');

-- name: note_pruned
INSERT INTO journal (at, event, group_id, detail) VALUES (:now, 'pruned', :group_id, :detail);

-- name: drop_jobs
-- The entries of jobs that are gone.
DELETE FROM journal WHERE job_id IN (SELECT value FROM json_each(:job_ids));

-- name: drop_groups
-- The entries of groups that are gone.
DELETE FROM journal WHERE job_id IS NULL AND group_id IN (SELECT value FROM json_each(:group_ids));

-- name: runs_pruned
SELECT detail FROM journal WHERE job_id IS NULL AND group_id IS NULL AND event = 'pruned';

-- name: runs_ever
SELECT json_extract(detail, '$.run_id') FROM journal WHERE event = 'enqueued'
UNION SELECT run_id FROM jobs;

-- name: entries_of_job
SELECT seq, at, event, from_state, to_state, attempt, detail FROM journal
WHERE job_id = :job_id ORDER BY seq;

-- name: entries_newest
SELECT seq, at, event, job_id, group_id, from_state, to_state, attempt, detail FROM journal
ORDER BY seq DESC LIMIT :limit;

-- name: stories
-- Of each job its entries in order, without what they tell besides moves; and where it is now. `is_usual`: its first entry
-- is what the trigger `jobs_enqueued` would write for its row as it is, and its row has nothing that other entries tell,
-- nor does it wait for others. Made in SQLite: as rows, the entries of a million jobs take twice as long.
SELECT told.job_id, story, state, attempt,
       is_gated = 0 AND not_before IS NULL AND version = 0 AND frozen_at IS NULL AND yield_requested = 0
       AND yields = 0 AND idle_yields = 0 AND last_step IS NULL
       AND detail = json_object(
           'run_id', run_id, 'priority', priority, 'requires_gpu', gpus > 0,
           'needs', json_object('cpus', cpus, 'gpus', gpus, 'vram_mb', vram_mb, 'mem_mb', mem_mb, 'pins', pins),
           'name', name, 'tags', json(tags), 'notes', notes, 'env_id', env_id, 'request_sha', request_sha,
           'retry_rules', json(retry_rules), 'is_resumable', is_resumable, 'on_lost', on_lost)
       AND NOT EXISTS (SELECT 1 FROM dependencies AS edge WHERE edge.job_id = told.job_id) AS is_usual
FROM (SELECT job_id, min(seq), detail, json_group_array(json_array(event, from_state, to_state, attempt)) AS story
      FROM journal WHERE job_id IS NOT NULL GROUP BY job_id) AS told
     LEFT JOIN jobs USING (job_id) LEFT JOIN shapes USING (shape_id);

-- name: jobs_untold
SELECT job_id FROM jobs WHERE NOT EXISTS (SELECT 1 FROM journal WHERE journal.job_id = jobs.job_id);

-- name: entries_of_groups
SELECT event, group_id, detail FROM journal WHERE job_id IS NULL ORDER BY seq;

-- name: entries_all
SELECT seq, event, job_id, group_id, from_state, to_state, attempt, detail FROM journal
ORDER BY seq;

-- name: daemon
SELECT epoch, pid, start_ticks, boot_id, started_at, max_parallel, gpu_slots, state, wanted,
       drain_until, last_served_group, gpu_auto, devices, backend
FROM daemon WHERE one = 1;

-- name: take_over
-- A daemon that takes over fences every older one.
UPDATE daemon SET epoch = epoch + 1, pid = :pid, start_ticks = :start_ticks, boot_id = :boot_id,
                  started_at = :now, max_parallel = :max_parallel, gpu_slots = :gpu_slots,
                  state = 'running', wanted = 'run', drain_until = NULL
WHERE one = 1 RETURNING epoch;

-- name: set_gpu_choice
UPDATE daemon SET gpu_auto = :gpu_auto, devices = :devices WHERE one = 1;

-- name: set_backend
UPDATE daemon SET backend = :backend WHERE one = 1;

-- name: set_gpu_slots
UPDATE daemon SET gpu_slots = :gpu_slots WHERE one = 1;

-- name: set_daemon_state
UPDATE daemon SET state = :state WHERE one = 1;

-- name: set_wanted
UPDATE daemon SET wanted = :wanted, drain_until = :drain_until WHERE one = 1;

-- name: reserve_numbers
-- Numbers of jobs and runs are handed out here and nowhere else, so that none is made twice.
UPDATE daemon SET next_job = next_job + :jobs, next_run = next_run + :runs
WHERE one = 1 RETURNING next_job - :jobs, next_run - :runs;

-- name: last_entry
SELECT ifnull(max(seq), 0) FROM journal;

-- name: entries_after
SELECT event, job_id, group_id, from_state, to_state FROM journal WHERE seq > :seq ORDER BY seq LIMIT :limit;
