-- Entries of jobs and groups that are gone can be deleted: a queue that is pruned gives its space back. All others stay.
DROP TRIGGER journal_keeps_everything;
CREATE TRIGGER journal_keeps_everything BEFORE DELETE ON journal
WHEN CASE WHEN OLD.job_id IS NOT NULL THEN EXISTS (SELECT 1 FROM jobs WHERE jobs.job_id = OLD.job_id)
          WHEN OLD.group_id IS NOT NULL THEN EXISTS (SELECT 1 FROM groups WHERE groups.group_id = OLD.group_id)
          ELSE 1 END
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

-- A lane goes with its group, and SQLite looks for jobs that name it: without an index, among all jobs.
CREATE INDEX jobs_by_lane ON jobs (lane_id);
