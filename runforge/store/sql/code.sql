-- name: insert
INSERT OR IGNORE INTO code (code_id, tree, root, folder, commit_id, branch, is_dirty, left_out, facts)
VALUES (:code_id, :tree, :root, :folder, :commit_id, :branch, :is_dirty, :left_out, :facts);

-- name: by_id
SELECT code_id, tree, root, folder, commit_id, branch, is_dirty, left_out, facts FROM code WHERE code_id = :code_id;

-- name: unused
-- What no job names any more, and whether another row still keeps its tree.
SELECT code_id, tree, root, EXISTS (
    SELECT 1 FROM code AS other WHERE other.tree = code.tree AND other.root = code.root
      AND EXISTS (SELECT 1 FROM jobs WHERE jobs.code_tree = other.code_id)) AS is_kept
FROM code WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.code_tree = code.code_id);

-- name: delete_unused
DELETE FROM code WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.code_tree = code.code_id);

-- name: trees
SELECT DISTINCT tree FROM code WHERE tree IS NOT NULL;

-- name: is_kept
SELECT 1 FROM code WHERE tree = :tree AND root = :root;
