-- name: note
-- A notice to be sent, written by the transaction of its event.
INSERT INTO outbox (at, event, job_id, group_id, detail, next_at)
VALUES (:now, :event, :job_id, :group_id, :detail, :now);

-- name: all
SELECT * FROM outbox ORDER BY seq;

-- name: next
-- When the next notice is due; NULL if none waits.
SELECT min(next_at) FROM outbox WHERE done_at IS NULL;

-- name: due
-- A clock that was set back leaves times that are too far away: those count as due.
SELECT seq, at, event, job_id, group_id, detail, told, tries FROM outbox
WHERE done_at IS NULL AND (next_at <= :now OR next_at > :latest) ORDER BY seq LIMIT :limit;

-- name: told
UPDATE outbox SET told = :told, tries = tries + :tries, next_at = :next_at, done_at = :done_at, error = :error
WHERE seq = :seq AND done_at IS NULL;

-- name: drop_open
-- Nobody is to be told.
DELETE FROM outbox WHERE done_at IS NULL;

-- name: trim
DELETE FROM outbox WHERE done_at IS NOT NULL AND seq <= (SELECT max(seq) FROM outbox) - :keep;

-- name: given_up
SELECT seq, at, event, error FROM outbox
WHERE done_at IS NOT NULL AND error IS NOT NULL ORDER BY seq DESC LIMIT :limit;

-- name: waiting
SELECT count(*), max(tries), max(error) FROM outbox WHERE done_at IS NULL AND tries > 0;

-- name: is_first_failure
SELECT 1 FROM lanes WHERE lane_id = :lane_id AND failed = 1;

-- name: wishes
-- What the runs of a group want to be told of: whether all want nothing, and whether one wants its end.
SELECT ifnull(min(notify = 'never'), 0), ifnull(max(notify IN ('done', 'start')), 0) FROM (
    SELECT ifnull(notify, '') AS notify FROM jobs WHERE group_id = :group_id);

-- name: is_unstarted
SELECT 1 FROM groups WHERE group_id = :group_id AND started_at IS NULL;
