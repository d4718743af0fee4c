-- name: note
-- A notice to be sent, written by the transaction of its event.
INSERT INTO outbox (at, event, job_id, group_id, detail, next_at)
VALUES (:now, :event, :job_id, :group_id, :detail, :now);

-- name: all
SELECT * FROM outbox ORDER BY seq;
