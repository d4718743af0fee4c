-- name: insert
INSERT INTO dependencies (job_id, parent, kind, condition, met)
VALUES (:job_id, :parent, :kind, :condition, :met) ON CONFLICT DO NOTHING;

-- name: parents_among
SELECT DISTINCT parent FROM dependencies WHERE parent IN (SELECT value FROM json_each(:parents));

-- name: is_awaited
-- Whether somebody waits for a job or a group, or waited in vain.
SELECT 1 FROM dependencies WHERE parent = :parent AND met = 0 LIMIT 1;

-- name: of_job
-- What a job waits for, or has waited for.
SELECT parent, kind, condition, met FROM dependencies WHERE job_id = :job_id ORDER BY parent, condition;

-- name: of_parent
-- Who waits for a job or a group, or has waited for it.
SELECT job_id, condition, met FROM dependencies WHERE parent = :parent ORDER BY job_id, condition;

-- name: unmet_of_job
SELECT parent, kind, condition FROM dependencies WHERE job_id = :job_id AND met = 0 ORDER BY parent, condition;

-- name: unmet_of_members
-- What the jobs of a group wait for.
SELECT parent, kind FROM dependencies JOIN jobs USING (job_id) WHERE group_id = :group_id AND met = 0;

-- name: open_gates
-- The children whose condition holds have one blocker less, for each such edge.
UPDATE jobs SET updated_at = :now, blockers = blockers - (
    SELECT count(*) FROM dependencies AS edge
    WHERE edge.job_id = jobs.job_id AND parent = :parent AND met = 0
      AND condition IN (SELECT value FROM json_each(:conditions)))
WHERE job_id IN (
    SELECT job_id FROM dependencies
    WHERE parent = :parent AND met = 0 AND condition IN (SELECT value FROM json_each(:conditions)));

-- name: meet
UPDATE dependencies SET met = 1
WHERE parent = :parent AND met = 0 AND condition IN (SELECT value FROM json_each(:conditions));

-- name: waiting_for
-- The queued jobs that wait for a parent, in order.
SELECT job_id, condition FROM dependencies JOIN jobs USING (job_id)
WHERE parent = :parent AND met = 0 AND state = 'queued' ORDER BY seq, condition;

-- name: waited_in_vain_for
-- The jobs that were canceled because of what they waited for, this parent among it.
SELECT DISTINCT job_id, seq FROM dependencies JOIN jobs USING (job_id)
WHERE parent = :parent AND met = 0 AND state = 'canceled' AND cause = 'dependency' ORDER BY seq;

-- name: recount
UPDATE jobs SET updated_at = :now, blockers = (
    SELECT count(*) FROM dependencies AS edge WHERE edge.job_id = jobs.job_id AND met = 0)
WHERE job_id = :job_id;

-- name: children_left
SELECT DISTINCT job_id FROM dependencies WHERE parent = :parent AND met = 0;

-- name: forget_parent
DELETE FROM dependencies WHERE parent = :parent;

-- name: forget_child
DELETE FROM dependencies WHERE job_id = :job_id;

-- name: all
SELECT job_id, parent, kind, condition, met FROM dependencies;

-- name: miscounted
-- Where the number of blockers is not that of the edges that are not met.
SELECT job_id, blockers, unmet FROM (
    SELECT jobs.job_id, blockers, (SELECT count(*) FROM dependencies AS edge
                                   WHERE edge.job_id = jobs.job_id AND met = 0) AS unmet FROM jobs)
WHERE blockers <> unmet;

-- name: awaited_by
-- What the queued jobs between two numbers wait for: a run by its run id, a group by its id.
SELECT edge.job_id, kind, coalesce(above.run_id, parent) AS id, condition
FROM jobs CROSS JOIN dependencies AS edge USING (job_id) LEFT JOIN jobs AS above ON above.job_id = edge.parent
WHERE jobs.seq >= :first AND jobs.seq <= :last AND jobs.state = 'queued' AND jobs.blockers > 0 AND met = 0
ORDER BY jobs.seq, above.seq, parent, condition;
