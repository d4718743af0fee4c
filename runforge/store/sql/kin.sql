-- name: parents
-- What a job waits for, or has waited for: runs by their number, groups by their name.
SELECT parent, kind, condition, met, jobs.seq AS number, jobs.run_id, jobs.state, jobs.name,
       groups.name AS group_name, groups.finished_at AS group_finished_at
FROM dependencies
LEFT JOIN jobs ON kind = 'run' AND jobs.job_id = parent
LEFT JOIN groups ON kind = 'group' AND groups.group_id = parent
WHERE dependencies.job_id = :job_id
ORDER BY met, kind, jobs.seq, parent LIMIT :limit;

-- name: children
-- The jobs that wait for a run, or for its group, or have waited.
SELECT dependencies.job_id, condition, met, seq AS number, run_id, state, name, kind
FROM dependencies CROSS JOIN jobs USING (job_id)
WHERE parent IN (:job_id, :group_id) ORDER BY seq LIMIT :limit;
